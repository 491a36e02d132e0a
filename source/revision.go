package source

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// revision is a name and steps back from it. Git knows more; what is not read here is refused rather than read another way.
var revision = regexp.MustCompile(`^[^\s~^:?*\[\\]+([~^][0-9]*)*$`)

// Revision is the full commit that a revision names here, as last fetched: a branch, origin/main, a tag, a commit or its beginning, HEAD, and steps
// back from one of them (HEAD~2, main^).
func (c *Checkout) Revision(name string) (string, error) {
	if !revision.MatchString(name) || strings.Contains(name, "@{") {
		return "", fmt.Errorf("%q is not a revision that is read here; name a branch, a tag, origin/BRANCH, a commit or HEAD, with ~N or ^ after it where older ones are meant", name)
	}
	repository, err := c.open()
	if err != nil {
		return "", err
	}
	commit, err := repository.ResolveRevision(plumbing.Revision(name))
	if err != nil {
		return "", fmt.Errorf("%s has no revision %q; name a branch, a tag, origin/BRANCH, a commit or HEAD, and fetch what is not here yet", c.Dir, name)
	}
	return commit.String(), nil
}
