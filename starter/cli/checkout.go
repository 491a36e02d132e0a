package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"perch"
	"perch/source"
)

// checkout is the Git checkout in which a command runs.
type checkout struct {
	*source.Checkout
}

func openCheckout(folder string) (*checkout, error) {
	found, err := source.OpenCheckout(folder)
	if err != nil {
		return nil, err
	}
	return &checkout{found}, nil
}

// repository returns origin's normalised address; empty if there is no origin.
func (c *checkout) repository() string {
	origin := c.Origin
	if strings.HasPrefix(origin, ".") {
		origin = filepath.Join(c.Dir, origin)
	}
	return perch.NormalizeRepository(origin)
}

// branch returns the branch that is checked out.
func (c *checkout) branch() (string, error) {
	branch, err := c.Branch()
	if err == nil {
		return branch, nil
	}
	if _, hasCommit := c.Commit(); hasCommit == nil {
		return "", usageError("which branch? %s has none checked out (its HEAD is detached); name the branch", c.Dir)
	}
	return "", usageError("which branch? %w", err)
}

// commit returns the newest commit of branch: that of the local branch or else of origin's. It is
// empty if the checkout has neither.
func (c *checkout) commit(ctx context.Context, branch string) (string, error) {
	commit, found, err := c.Head(ctx, branch)
	if err != nil || found {
		return commit, err
	}
	if current, err := c.Branch(); err == nil && current == branch {
		_, err := c.Commit()
		return "", err
	}
	return c.fetched(branch)
}

// fetched returns the commit of origin's branch at the last fetch; empty if it was never fetched.
func (c *checkout) fetched(branch string) (string, error) {
	repository, err := git.PlainOpenWithOptions(c.Dir, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return "", fmt.Errorf("open repository %s: %w", c.Dir, err)
	}
	reference, err := repository.Reference(plumbing.NewRemoteReferenceName("origin", branch), true)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read branch origin/%s of %s: %w", branch, c.Dir, err)
	}
	return reference.Hash().String(), nil
}
