package source

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// maxWalk is how many commits Contains reads at most, newest first. A request names a commit near
// the head, but the history may be long.
const maxWalk = 10_000

// Contains reports whether commit is reachable from head: it is head itself, or older. A commit
// that is not among the newest 10,000 counts as not reachable.
func (g *Git) Contains(ctx context.Context, head, commit string) (bool, error) {
	if err := checkCommit(commit); err != nil {
		return false, err
	}
	from, found, err := g.commit(ctx, head)
	if err != nil || !found {
		return false, err
	}
	seen, reachable := 0, false
	err = object.NewCommitIterCTime(from, nil, nil).ForEach(func(c *object.Commit) error {
		seen++
		if reachable = c.Hash.String() == commit; reachable || seen == maxWalk {
			return storer.ErrStop
		}
		return ctx.Err()
	})
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		err = nil // A shallow clone ends here.
	}
	return reachable, err
}
