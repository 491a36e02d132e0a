package source

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
)

// revision is a name and steps back from it. Git knows more; what is not read here is rejected
// rather than read another way.
var revision = regexp.MustCompile(`^[^\s~^:?*\[\\]+([~^][0-9]*)*$`)

// Revision is the full commit that a revision names here, as last fetched: a branch, origin/main, a
// tag, a commit or its beginning, HEAD, and steps back from one of them (HEAD~2, main^). A branch
// wins over a tag of the same name.
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

// preferBranch writes the revision's name in full if it is that of a branch, because Git lets a tag
// win.
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
