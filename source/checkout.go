package source

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"perch"
)

// Checkout is the working tree of the folder in which a command runs. Like Git, it reads branches
// and files as they were committed.
type Checkout struct {
	*Git
	// Dir is the top folder of the working tree, as an absolute path.
	Dir string
	// Origin is the URL of the remote called origin, without a password; empty if there is none.
	Origin string
	// DefaultBranch is the branch to which origin/HEAD points. Otherwise it is the first of main,
	// master and trunk that exists, or else main.
	DefaultBranch string
}

// OpenCheckout finds the repository whose working tree contains dir. The repository may have no
// commits and no remote yet.
func OpenCheckout(dir string) (*Checkout, error) {
	repository, err := git.PlainOpenWithOptions(
		dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true},
	)
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("find a Git checkout in %s: neither this folder nor one above it is one; change into "+
			"it or name it with --repo", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("find a Git checkout in %s: %w", dir, err)
	}
	worktree, err := repository.Worktree()
	if err != nil {
		return nil, fmt.Errorf("find a Git checkout in %s: %w", dir, err)
	}
	top, err := filepath.Abs(worktree.Filesystem.Root())
	if err != nil {
		return nil, fmt.Errorf("find a Git checkout in %s: %w", dir, err)
	}
	return &Checkout{
		Git: &Git{path: top}, Dir: top, Origin: origin(repository), DefaultBranch: defaultBranch(repository),
	}, nil
}

func origin(repository *git.Repository) string {
	remote, err := repository.Remote("origin")
	if err != nil || len(remote.Config().URLs) == 0 {
		return ""
	}
	return perch.WithoutCredentials(remote.Config().URLs[0])
}

// remoteHeads is the prefix of origin's branches, as last fetched.
const remoteHeads = "refs/remotes/origin/"

func defaultBranch(repository *git.Repository) string {
	head, err := repository.Reference(remoteHeads+"HEAD", false)
	if err == nil && head.Type() == plumbing.SymbolicReference {
		if branch, ok := strings.CutPrefix(head.Target().String(), remoteHeads); ok {
			return branch
		}
	}
	for _, branch := range usualDefaults {
		for _, namespace := range []string{"refs/heads/", remoteHeads} {
			if _, err := repository.Reference(plumbing.ReferenceName(namespace+branch), false); err == nil {
				return branch
			}
		}
	}
	return usualDefaults[0]
}

// usualDefaults are the usual names of default branches.
var usualDefaults = []string{"main", "master", "trunk"}

// Branch returns the branch that is checked out.
func (c *Checkout) Branch() (string, error) {
	head, err := c.head()
	if err != nil {
		return "", err
	}
	if head.Type() != plumbing.SymbolicReference || !head.Target().IsBranch() {
		return "", fmt.Errorf(
			"%s has no branch checked out (its HEAD is detached); name the branch with --branch", c.Dir,
		)
	}
	return head.Target().Short(), nil
}

// Names returns the branches that the checkout knows, sorted: its own, and those of origin as last
// fetched.
func (c *Checkout) Names() ([]string, error) {
	repository, err := c.open()
	if err != nil {
		return nil, err
	}
	references, err := repository.References()
	if err != nil {
		return nil, fmt.Errorf("list branches of %s: %w", c.Dir, err)
	}
	var names []string
	err = references.ForEach(func(reference *plumbing.Reference) error {
		if name, ok := strings.CutPrefix(reference.Name().String(), remoteHeads); ok && name != "HEAD" {
			names = append(names, name)
		} else if reference.Name().IsBranch() {
			names = append(names, reference.Name().Short())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list branches of %s: %w", c.Dir, err)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Commit returns the full commit that is checked out.
func (c *Checkout) Commit() (string, error) {
	repository, err := c.open()
	if err != nil {
		return "", err
	}
	head, err := repository.Head()
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return "", fmt.Errorf("%s has no commit yet; commit something first", c.Dir)
	}
	if err != nil {
		return "", fmt.Errorf("read HEAD of %s: %w", c.Dir, err)
	}
	return head.Hash().String(), nil
}

func (c *Checkout) head() (*plumbing.Reference, error) {
	repository, err := c.open()
	if err != nil {
		return nil, err
	}
	head, err := repository.Reference(plumbing.HEAD, false)
	if err != nil {
		return nil, fmt.Errorf("read HEAD of %s: %w", c.Dir, err)
	}
	return head, nil
}
