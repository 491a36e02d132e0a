package cli

import (
	"bytes"
	"context"
	"path/filepath"

	"perch"
)

// comparedLimit is the maximum number of bytes of a file that are compared. Perch accepts no larger
// file.
const comparedLimit = 4 << 20

// noteUncommitted prints a note if the file at path, relative to the checkout's root, has changes
// that are not in commit. `plan` and `up` ignore such changes. It only compares if commit is
// checked out, and ignores files that it cannot read.
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

// lineFeeds returns text with the line endings that Git stores. A checkout on Windows has others.
func lineFeeds(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) }
