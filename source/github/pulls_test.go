package github

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	hub "perch/sandbox/github"
	"perch/source"
)

func TestPullRequestsAreThoseOfTheBranch(t *testing.T) {
	server := withBranches(t, map[string]string{"login": hash(1), "logout": hash(2)})
	server.OpenPullRequest(hub.PullRequest{Head: "login", Labels: []string{"bug"}})
	server.EditPullRequest(1, func(p *hub.PullRequest) { p.Closed = true })
	push(t, server, map[string]string{"login": hash(3)})
	server.OpenPullRequest(hub.PullRequest{Head: "login"})
	server.OpenPullRequest(hub.PullRequest{Head: "logout"})
	server.OpenPullRequest(hub.PullRequest{Head: "login", Owner: "stranger"})
	pulls, err := open(t, server).PullRequests(t.Context(), "login")
	want := []source.PullRequest{
		{Number: 2, Open: true, Head: hash(3)}, {Number: 1, Head: hash(1), Labels: []string{"bug"}},
	}
	if diff := cmp.Diff(want, pulls); diff != "" || err != nil {
		t.Errorf("%v; pull requests (-want +got):\n%s", err, diff)
	}
}

func TestPullRequestsAreReadToTheEnd(t *testing.T) {
	server := withBranches(t, map[string]string{"login": hash(1)})
	for range pageSize + 1 {
		server.OpenPullRequest(hub.PullRequest{Head: "login"})
	}
	pulls, err := open(t, server).PullRequests(t.Context(), "login")
	if err != nil || len(pulls) != pageSize+1 || pulls[pageSize].Number != 1 {
		t.Errorf("%d pull requests, %v", len(pulls), err)
	}
}

func TestTheMissingPermissionIsNamed(t *testing.T) {
	server := withBranches(t, map[string]string{"login": hash(1)})
	server.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("pull_requests")})
	_, err := open(t, server).PullRequests(t.Context(), "login")
	if rejected := new(source.Rejected); !errors.As(err, &rejected) ||
		!strings.Contains(err.Error(), `"Pull requests: read"`) {
		t.Errorf("error %v", err)
	}
	server.Intercept(nil)
	server.SetRemaining(0)
	_, err = open(t, server).PullRequests(t.Context(), "login")
	if limited := new(source.RateLimited); !errors.As(err, &limited) {
		t.Errorf("without quota: %v", err)
	}
}

func TestAnArchivedRepositoryIsKnown(t *testing.T) {
	server := withBranches(t, names(1))
	repository := open(t, server)
	for _, archived := range []bool{false, true} {
		server.Archive(archived)
		if about, err := repository.About(t.Context()); err != nil || about.Archived != archived {
			t.Errorf("%+v, %v", about, err)
		}
	}
}
