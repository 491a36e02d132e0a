package source

import (
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func TestACommitIsOnABranchIfItsHeadLeadsThere(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		first := r.commit("a", "1")
		second := r.commit("a", "2")
		r.branch("topic", first)
		g := open(t, address)
		for _, c := range []struct {
			name, head, commit string
			want               bool
		}{
			{"the head", second, second, true}, {"an older commit", second, first, true},
			{"a newer commit", first, second, false},
			{"a commit that is not there", second, strings.Repeat("0", 40), false},
			{"a head that is not there", strings.Repeat("0", 40), first, false},
		} {
			if got, err := g.Contains(t.Context(), c.head, c.commit); got != c.want || err != nil {
				t.Errorf("%s: %t, %v", c.name, got, err)
			}
		}
		if _, err := g.Contains(
			t.Context(), second, "HEAD",
		); err == nil || !strings.Contains(err.Error(), "is not a full commit") {
			t.Errorf("got %v", err)
		}
	})
}

// TestS100AMirrorHoldsBranchesOnly uses a server that keeps references of pull requests, as GitHub
// does.
func TestS100AMirrorHoldsBranchesOnly(t *testing.T) {
	r := newRepo(t)
	head := r.commit("a", "1")
	forks := r.commit("a", "2")
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference("refs/pull/7/head", plumbing.NewHash(forks))))
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference("refs/tags/v1", plumbing.NewHash(forks))))
	r.branch("main", head)
	g := open(t, serve(t, r.dir))
	if found, err := g.HasCommit(t.Context(), head); !found || err != nil {
		t.Fatal(found, err)
	}
	if found, err := g.HasCommit(t.Context(), forks); found || err != nil {
		t.Errorf("the mirror has the fork's commit: %t, %v", found, err)
	}
	if on, err := g.Contains(t.Context(), head, forks); on || err != nil {
		t.Errorf("the fork's commit is on main: %t, %v", on, err)
	}
	for _, branch := range []string{"pull/7", "pull/7/head", "refs/pull/7/head"} {
		if heads, err := g.Heads(t.Context(), branch); len(heads) > 0 || err != nil {
			t.Errorf("branch %s: %v, %v", branch, heads, err)
		}
	}
}
