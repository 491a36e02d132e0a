package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"perch"
)

// checkout is the Git repository around a folder.
type checkout struct {
	git *git.Repository
	// folder is its root.
	folder string
	// repository is origin's address, normalised; empty where there is no origin.
	repository string
}

func openCheckout(folder string) (*checkout, error) {
	repository, err := git.PlainOpenWithOptions(folder, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return nil, fmt.Errorf("%s is no Git checkout: %w", folder, err)
	}
	c := &checkout{git: repository, folder: folder}
	if tree, err := repository.Worktree(); err == nil {
		c.folder = tree.Filesystem.Root()
	}
	if origin, err := repository.Remote("origin"); err == nil && len(origin.Config().URLs) > 0 {
		address := origin.Config().URLs[0]
		if absolute, err := filepath.Abs(address); err == nil && perch.NormalizeRepository(address) == address {
			address = absolute
		}
		c.repository = perch.NormalizeRepository(address)
	}
	return c, nil
}

func (c *checkout) branch() (string, error) {
	head, err := c.git.Storer.Reference(plumbing.HEAD)
	if err != nil {
		return "", fmt.Errorf("read HEAD of %s: %w", c.folder, err)
	}
	if head.Type() != plumbing.SymbolicReference || !head.Target().IsBranch() {
		return "", fmt.Errorf("%s has no branch checked out; name the branch", c.folder)
	}
	return head.Target().Short(), nil
}

// head is the newest commit of branch, the local one before origin's; empty where the checkout knows no such branch.
func (c *checkout) head(_ context.Context, branch string) (string, error) {
	for _, name := range []plumbing.ReferenceName{plumbing.NewBranchReferenceName(branch), plumbing.NewRemoteReferenceName("origin", branch)} {
		reference, err := c.git.Reference(name, true)
		if err == nil {
			return reference.Hash().String(), nil
		}
		if !errors.Is(err, plumbing.ErrReferenceNotFound) {
			return "", err
		}
	}
	return "", nil
}

func (c *checkout) has(_ context.Context, commit string) (bool, error) {
	_, err := c.git.CommitObject(plumbing.NewHash(commit))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (c *checkout) file(_ context.Context, commit, path string) ([]byte, bool, error) {
	at, err := c.git.CommitObject(plumbing.NewHash(commit))
	if err != nil {
		return nil, false, err
	}
	file, err := at.File(path)
	if errors.Is(err, object.ErrFileNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	reader, err := file.Reader()
	if err != nil {
		return nil, false, err
	}
	data, err := io.ReadAll(reader)
	return data, true, errors.Join(err, reader.Close())
}
