package github

import (
	"errors"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
	"perch/source"
)

func TestACommitIsOnABranchIfItsHeadLeadsThere(t *testing.T) {
	dir := t.TempDir()
	repository, err := git.PlainInit(dir, false)
	must(t, err)
	tree, err := repository.Worktree()
	must(t, err)
	commit := func() string {
		author := &object.Signature{Name: "Ann", Email: "ann@example.com", When: time.Unix(1, 0)}
		made, err := tree.Commit("change", &git.CommitOptions{AllowEmptyCommits: true, Author: author})
		must(t, err)
		return made.String()
	}
	first, second := commit(), commit()
	server := githubtest.New(t, repository)
	r := open(t, server)
	for _, c := range []struct {
		name, head, commit string
		want               bool
	}{
		{"the head", second, second, true}, {"an older commit", second, first, true},
		{"a newer commit", first, second, false},
		{"a commit that is not there", second, hash(1), false},
	} {
		if got, err := r.Contains(t.Context(), c.head, c.commit); got != c.want || err != nil {
			t.Errorf("%s: %t, %v", c.name, got, err)
		}
	}
	for _, status := range []int{401, 502} {
		server.Intercept(always(hub.Answer(status, "no")))
		_, err := r.Contains(t.Context(), second, first)
		if rejected := new(source.Rejected); err == nil || errors.As(err, &rejected) != (status == 401) {
			t.Errorf("status %d: %v", status, err)
		}
	}
	server.Intercept(body("{}"))
	if _, err := r.Contains(t.Context(), second, first); err == nil {
		t.Error("an answer without a status is taken for one")
	}
}
