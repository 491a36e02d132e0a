// Package source reads branches and files of Git repositories, from any remote or local path. It
// needs no git binary.
package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"perch"
)

// Git is a repository. A local path is read in place. Of a remote repository, Git keeps a mirror in
// a cache folder. A Git is safe for concurrent use, and never changes a local repository.
type Git struct {
	// path is the local repository, or the mirror.
	path string
	// remote is nil for a local repository.
	remote *remote
	// fetching allows only one fetch at a time to write to the mirror.
	fetching sync.Mutex
}

// OpenGit opens the repository at address: a remote URL, with or without credentials, or a local
// path. It keeps the mirror of a remote repository below cache; if cache is empty, below the user's
// cache folder. It does not contact a remote repository yet.
func OpenGit(address, cache string) (*Git, error) {
	if isRemote(address) {
		return openRemote(address, cache)
	}
	path, err := filepath.Abs(strings.TrimPrefix(address, "file://"))
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", address, err)
	}
	g := &Git{path: path}
	if _, err := g.open(); err != nil {
		return nil, err
	}
	return g, nil
}

var scpAddress = regexp.MustCompile(`^([^/\\:@]+@)?[^/\\:@]{2,}:[^/\\]`)

func isRemote(address string) bool {
	if strings.HasPrefix(address, "file://") {
		return false
	}
	if strings.Contains(address, "://") {
		return true
	}
	if _, err := os.Stat(address); err == nil {
		return false
	}
	return scpAddress.MatchString(address)
}

// open opens the repository again for every call, because go-git remembers the pack files that it
// saw first, and a worker must also see commits that arrive later.
func (g *Git) open() (*git.Repository, error) {
	repository, err := git.PlainOpenWithOptions(g.path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("open repository %s: there is no Git repository in this folder", g.path)
	}
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", g.path, err)
	}
	return repository, nil
}

// Branches lists every branch with its commit. Only if complete is true and err is nil is a branch
// that is not listed known to be deleted.
func (g *Git) Branches(ctx context.Context) (branches map[string]string, complete bool, err error) {
	if g.remote != nil {
		branches, err = g.remote.branches(ctx)
	} else {
		branches, err = g.localBranches(ctx)
	}
	if err != nil {
		return nil, false, err
	}
	return branches, true, nil
}

func (g *Git) localBranches(ctx context.Context) (map[string]string, error) {
	repository, err := g.open()
	if err != nil {
		return nil, err
	}
	references, err := repository.References()
	if err != nil {
		return nil, fmt.Errorf("list branches of %s: %w", g.path, err)
	}
	branches := map[string]string{}
	err = references.ForEach(func(reference *plumbing.Reference) error {
		if !reference.Name().IsBranch() {
			return ctx.Err()
		}
		resolved, err := repository.Reference(reference.Name(), true)
		if err != nil {
			return fmt.Errorf("branch %s: %w", reference.Name().Short(), err)
		}
		branches[reference.Name().Short()] = resolved.Hash().String()
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list branches of %s: %w", g.path, err)
	}
	return branches, nil
}

// Head returns the commit that branch points to now. found is false if the repository has no such
// branch.
func (g *Git) Head(ctx context.Context, branch string) (commit string, found bool, err error) {
	heads, err := g.Heads(ctx, branch)
	commit, found = heads[branch]
	return commit, found, err
}

// Heads returns the commits that these branches point to now. Only if err is nil is a branch that
// is not in the result known not to exist. It makes only one call to a remote repository.
func (g *Git) Heads(ctx context.Context, branches ...string) (map[string]string, error) {
	for _, branch := range branches {
		if err := perch.ValidateBranch(branch); err != nil {
			return nil, err
		}
	}
	if g.remote == nil {
		return g.localHeads(branches)
	}
	all, err := g.remote.branches(ctx)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(all, func(branch, _ string) bool { return !slices.Contains(branches, branch) })
	return all, nil
}

func (g *Git) localHeads(branches []string) (map[string]string, error) {
	repository, err := g.open()
	if err != nil {
		return nil, err
	}
	heads := map[string]string{}
	for _, branch := range branches {
		reference, err := repository.Reference(plumbing.NewBranchReferenceName(branch), true)
		if errors.Is(err, plumbing.ErrReferenceNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read branch %s of %s: %w", branch, g.path, err)
		}
		heads[branch] = reference.Hash().String()
	}
	return heads, nil
}

// HasCommit reports whether the repository has this full commit. If the mirror of a remote
// repository does not have it, HasCommit fetches first.
func (g *Git) HasCommit(ctx context.Context, commit string) (bool, error) {
	_, found, err := g.commit(ctx, commit)
	return found, err
}

// Message returns what the repository says about this full commit.
func (g *Git) Message(ctx context.Context, commit string) (perch.CommitMessage, error) {
	read, found, err := g.commit(ctx, commit)
	if err == nil && !found {
		err = fmt.Errorf("the repository has no commit %s", commit)
	}
	if err != nil {
		return perch.CommitMessage{}, err
	}
	return perch.NewCommitMessage(read.Message, read.Author.Name, read.Author.When), nil
}

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

func checkCommit(commit string) error {
	if !fullCommit.MatchString(commit) {
		return &Rejected{Reason: fmt.Sprintf(
			"commit %q is not a full commit: give all 40 hexadecimal digits, in lower case", commit,
		)}
	}
	return nil
}

func (g *Git) commit(ctx context.Context, commit string) (*object.Commit, bool, error) {
	if err := checkCommit(commit); err != nil {
		return nil, false, err
	}
	found, err := g.localCommit(commit)
	if err != nil || found != nil || g.remote == nil {
		return found, found != nil, err
	}
	if err := g.fetch(ctx); err != nil {
		return nil, false, err
	}
	found, err = g.localCommit(commit)
	return found, found != nil, err
}

// localCommit returns nil if the repository does not have the commit.
func (g *Git) localCommit(commit string) (*object.Commit, error) {
	repository, err := g.open()
	if err != nil {
		return nil, err
	}
	found, err := repository.CommitObject(plumbing.NewHash(commit))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", commit, err)
	}
	return found, nil
}

// RepositoryID returns an empty id, because Git knows a repository only by its address.
func (g *Git) RepositoryID(context.Context) (string, error) { return "", nil }

// DefaultBranch returns the branch that the repository's HEAD points to; empty if HEAD does not
// say. The HEAD of a working tree does not, because it is the branch that is checked out.
func (g *Git) DefaultBranch(ctx context.Context) (string, error) {
	if g.remote != nil {
		return g.remote.defaultBranch(ctx)
	}
	repository, err := g.open()
	if err != nil {
		return "", err
	}
	settings, err := repository.Config()
	if err != nil {
		return "", fmt.Errorf("read the configuration of %s: %w", g.path, err)
	}
	if !settings.Core.IsBare {
		return "", nil
	}
	head, err := repository.Reference(plumbing.HEAD, false)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read HEAD of %s: %w", g.path, err)
	}
	return branchOf(head), nil
}

// branchOf returns the branch that a symbolic reference points to; empty if it points to something
// else.
func branchOf(head *plumbing.Reference) string {
	if head.Type() != plumbing.SymbolicReference || !head.Target().IsBranch() {
		return ""
	}
	return head.Target().Short()
}
