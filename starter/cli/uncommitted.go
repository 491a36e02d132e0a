package cli

import (
	"bytes"
	"context"
	"path/filepath"

	"perch"
)

// comparedLimit is how much of a file is compared, in bytes: no file that Perch takes is larger.
const comparedLimit = 4 << 20

// noteUncommitted says that path, below the checkout's root, has changes that commit does not have:
// `plan` and `up` ignore them. It looks only if commit is the one that is checked out, and what it
// cannot read it says nothing about.
func (a *app) noteUncommitted(ctx context.Context, p place, commit, path string) {
	if p.checkout == nil || commit == "" {
		return
	}
	if head, err := p.checkout.Commit(); err != nil || head != commit {
		return
	}
	edited, err := readAtMost(filepath.Join(p.checkout.Dir, filepath.FromSlash(path)), comparedLimit)
	if err != nil {
		return
	}
	committed, found, err := p.checkout.File(ctx, commit, path)
	if err != nil || found && bytes.Equal(lineFeeds(edited), lineFeeds(committed)) {
		return
	}
	a.note("Note: %s has changes that are not committed. They are ignored, because %s at commit %s counts; commit "+
		"them first.",
		path, path, perch.ShortCommit(commit))
}

// lineFeeds is text with the line ends that Git stores: a checkout on Windows has others.
func lineFeeds(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) }
