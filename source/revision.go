package source

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
)

// revision matches a name, and steps back from it. Git knows more forms. Perch rejects those, so
// that it never reads one differently from Git.
var revision = regexp.MustCompile(`^[^\s~^:?*\[\\]+([~^][0-9]*)*$`)

// Revision returns the full commit that a revision names in this checkout, as last fetched: a
// branch, origin/main, a tag, a commit or its beginning, HEAD, or steps back from one of them
// (HEAD~2, main^). If a branch and a tag have the same name, the branch wins.
func (c *Checkout) Revision(name string) (string, error) {
	if !revision.MatchString(name) || strings.Contains(name, "@{") {
		return "", fmt.Errorf("%q is not a revision that is read here; name a branch, a tag, origin/BRANCH, a commit "+
			"or HEAD, with ~N or ^ after it where older ones are meant", name)
	}
	repository, err := c.open()
	if err != nil {
		return "", err
	}
	commit, err := repository.ResolveRevision(plumbing.Revision(preferBranch(repository, name)))
	if err != nil {
		return "", fmt.Errorf("%s has no revision %q; name a branch, a tag, origin/BRANCH, a commit or HEAD, and "+
			"fetch what is not here yet", c.Dir, name)
	}
	return commit.String(), nil
}

// preferBranch returns the full name of a branch if the revision names one, because in Git a tag of
// the same name would win.
func preferBranch(repository *git.Repository, revision string) string {
	name, steps := revision, ""
	if i := strings.IndexAny(revision, "~^"); i >= 0 {
		name, steps = revision[:i], revision[i:]
	}
	if fullCommit.MatchString(name) {
		return revision
	}
	for _, folder := range []string{"refs/heads/", "refs/remotes/"} {
		if _, err := repository.Reference(plumbing.ReferenceName(folder+name), false); err == nil {
			return folder + name + steps
		}
	}
	return revision
}
