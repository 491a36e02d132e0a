package source

import (
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func TestRevisionsNameCommits(t *testing.T) {
	r := newRepo(t)
	first := r.commit("a", "1")
	second := r.commit("a", "2")
	r.branch("feature/login", first)
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference("refs/remotes/origin/trunk", plumbing.NewHash(first))))
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference("refs/tags/v1", plumbing.NewHash(first))))
	c, err := OpenCheckout(r.dir)
	r.must(err)
	for name, want := range map[string]string{
		"main": second, "HEAD": second, "HEAD~1": first, "main^": first, "feature/login": first, "origin/trunk": first,
		"v1":   first,
		second: second, second[:10]: second,
	} {
		if got, err := c.Revision(name); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
}

func TestS104ATagDoesNotWinOverTheBranchOfItsName(t *testing.T) {
	r := newRepo(t)
	first := r.commit("a", "1")
	second := r.commit("a", "2")
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference("refs/remotes/origin/trunk", plumbing.NewHash(second))))
	for _, tag := range []string{"refs/tags/main", "refs/tags/origin/trunk"} {
		r.must(
			r.git.Storer.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(tag), plumbing.NewHash(first))),
		)
	}
	c, err := OpenCheckout(r.dir)
	r.must(err)
	for name, want := range map[string]string{
		"main": second, "main~1": first, "origin/trunk": second, "refs/tags/main": first,
	} {
		if got, err := c.Revision(name); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
	if head, found, err := c.Head(t.Context(), "main"); head != second || !found || err != nil {
		t.Errorf("head of main: %s, %v, %v; want %s", head, found, err, second)
	}
}

func TestAnInvalidRevisionIsAnError(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "1")
	c, err := OpenCheckout(r.dir)
	r.must(err)
	for name, want := range map[string]string{
		"":           "is not a revision that is read here",
		"^1":         "is not a revision that is read here",
		"HEAD@{1}":   "is not a revision that is read here",
		":/fix":      "is not a revision that is read here",
		"nowhere":    `has no revision "nowhere"; name a branch, a tag, origin/BRANCH`,
		"HEAD~9":     `has no revision "HEAD~9"`,
		"origin/x^2": `has no revision "origin/x^2"`,
	} {
		if got, err := c.Revision(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s, %v", name, got, err)
		}
	}
}
