// Package branch reads what the source says about a branch: its head, its perch.yaml and its pull
// requests. It converts errors of the source to those that activities return.
package branch

import (
	"context"

	"perch"
	"perch/source"
)

// Source is the source of branches and files.
type Source interface {
	// Branches lists every branch with its commit. Only if complete is true is a branch that is not
	// listed known to be deleted.
	Branches(ctx context.Context) (branches map[string]string, complete bool, err error)
	// Heads returns the commits that these branches point to, with one call. Only if err is nil is
	// a branch that is not in the result known to be deleted.
	Heads(ctx context.Context, branches ...string) (map[string]string, error)
	// Contains reports whether commit is reachable from head: it is head itself, or older.
	Contains(ctx context.Context, head, commit string) (bool, error)
	// HasCommit reports whether the source has the commit.
	HasCommit(ctx context.Context, commit string) (bool, error)
	// Message returns what the source says about the commit.
	Message(ctx context.Context, commit string) (perch.CommitMessage, error)
	// File reads one file at a commit.
	File(ctx context.Context, commit, path string) (data []byte, found bool, err error)
	// RepositoryID returns the repository's id, which stays the same after a rename; empty if the
	// source has no ids.
	RepositoryID(ctx context.Context) (string, error)
	// DefaultBranch returns the name of the source's default branch; empty if the source does not
	// say.
	DefaultBranch(ctx context.Context) (string, error)
	// Files lists the files below a folder at a commit.
	Files(ctx context.Context, commit, folder string) ([]source.File, error)
}

// Reader reads branches of the policy's repository.
type Reader struct {
	Source

	policy *perch.Policy
}

// NewReader returns a Reader of the policy's repository.
func NewReader(policy *perch.Policy, source Source) *Reader { return &Reader{source, policy} }

// About returns what the source says about the repository. It asks the source each time, because
// another repository may have taken the name since the worker started.
func (r *Reader) About(ctx context.Context) (source.About, error) {
	return source.AboutOf(ctx, r.Source)
}
