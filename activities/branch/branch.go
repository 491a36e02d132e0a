// Package branch reads what a branch says: its head, its perch.yaml and its pull requests. It says
// errors of the branch source as activities return them.
package branch

import (
	"context"

	"perch"
	"perch/source"
)

// Source is where branches and files come from.
type Source interface {
	// Branches lists every branch with its commit. Only where complete is true is a branch that is
	// missing from it known to be gone.
	Branches(ctx context.Context) (branches map[string]string, complete bool, err error)
	// Heads are the commits that these branches point to, by one question. Only where err is nil is
	// a branch that is missing from it known to be gone.
	Heads(ctx context.Context, branches ...string) (map[string]string, error)
	// Contains reports whether commit is reachable from head: it is head or older.
	Contains(ctx context.Context, head, commit string) (bool, error)
	// HasCommit reports whether the source has the commit.
	HasCommit(ctx context.Context, commit string) (bool, error)
	// Message is what the source says of the commit.
	Message(ctx context.Context, commit string) (perch.CommitMessage, error)
	// File reads one file at a commit.
	File(ctx context.Context, commit, path string) (data []byte, found bool, err error)
	// RepositoryID is the repository's id, which a rename does not change; empty if the source has
	// no ids.
	RepositoryID(ctx context.Context) (string, error)
	// DefaultBranch is the branch that the source calls the default; empty if it does not tell.
	DefaultBranch(ctx context.Context) (string, error)
	// Files lists the files below a folder at a commit.
	Files(ctx context.Context, commit, folder string) ([]source.File, error)
}

// Reader reads branches of the policy's repository.
type Reader struct {
	Source

	policy *perch.Policy
}

// NewReader makes a Reader.
func NewReader(policy *perch.Policy, source Source) *Reader { return &Reader{source, policy} }

// About is what the source says of the repository, read again for every decision: another
// repository may have taken the name since the worker learned it.
func (r *Reader) About(ctx context.Context) (source.About, error) {
	return source.AboutOf(ctx, r.Source)
}
