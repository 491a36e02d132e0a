package github

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
	api "github.com/google/go-github/v60/github"

	"perch"
	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
)

// world is a GitHub over HTTP with a branch, its pull request and a channel.
type world struct {
	t       testing.TB
	hub     *hub.Server
	now     time.Time
	policy  *perch.Policy
	channel *Channel
	// commit is the branch's head, pull its pull request, and card what is remembered of its
	// environment.
	commit string
	pull   int
	card   perch.Card
}

// access is a client by a token.
type access struct {
	url, token string
	transport  http.RoundTripper
}

func (a access) Answer(err error) (status int, message string) {
	var answer *api.ErrorResponse
	if !errors.As(err, &answer) {
		return 0, ""
	}
	return answer.Response.StatusCode, answer.Message
}

func (a access) Client() *api.Client {
	client, err := api.NewClient(&http.Client{Transport: a.transport}).WithAuthToken(a.token).WithEnterpriseURLs(
		a.url, a.url,
	)
	if err != nil {
		panic(err)
	}
	return client
}

func (a access) Login(ctx context.Context) (string, error) {
	user, _, err := a.Client().Users.Get(ctx, "")
	return user.GetLogin(), err
}

func (a access) Permissions(context.Context) (map[string]string, error) { return nil, nil }

func newWorld(t testing.TB) *world {
	t.Helper()
	repository, err := git.Init(memory.NewStorage(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)}
	w.hub = githubtest.Start(t, hub.Config{Repository: repository, Now: func() time.Time { return w.now }})
	w.push("main", "one")
	w.commit = w.push("feature/login", "two")
	w.pull = w.hub.OpenPullRequest(hub.PullRequest{Title: "Let people log in", Author: "ana", Head: "feature/login"})
	w.policy = &perch.Policy{
		Project: "shop", DefaultBranch: "main",
		Source: perch.Source{GitHub: &perch.GitHubSource{Repository: hub.Name, BaseURL: w.hub.URL}},
		Reports: perch.PolicyReports{
			GitHub: perch.ReportsGitHub{Deployments: true, Status: true, Comment: true, Environment: "preview"},
		},
	}
	w.restart(nil)
	if w.card.Environment, err = perch.NewEnvironment("shop", "feature/login"); err != nil {
		t.Fatal(err)
	}
	return w
}

// restart is a new worker, whose calls go through a transport; nil is the plain one.
func (w *world) restart(transport http.RoundTripper) {
	w.channel = New(access{w.hub.URL, hub.Token, transport}, w.policy, func() time.Time { return w.now })
}

// push commits to a branch without parents.
func (w *world) push(branch, message string) (commit string) {
	w.t.Helper()
	w.hub.Change(func(repository *git.Repository) {
		who := object.Signature{Name: "Ana", Email: "ana@example.com", When: w.now}
		content := repository.Storer.NewEncodedObject()
		if err := (&object.Commit{Author: who, Committer: who, Message: message}).Encode(content); err != nil {
			w.t.Fatal(err)
		}
		hash, err := repository.Storer.SetEncodedObject(content)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := repository.Storer.SetReference(plumbing.NewHashReference(
			plumbing.NewBranchReferenceName(branch), hash,
		)); err != nil {
			w.t.Fatal(err)
		}
		commit = hash.String()
	})
	return commit
}

// say lets a run say a state of the commit, and delivers it.
func (w *world) say(phase perch.Phase, change ...func(*perch.CardState)) {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	state := perch.CardState{
		Goal: perch.GoalUp, Commit: w.commit, By: "ci", Phase: phase, RunID: "run", Begun: w.now, At: w.now,
	}
	if phase == perch.PhaseReady {
		state.URL = "https://feature-login.shop.example.com"
		w.card.Ready = []perch.ReadyCommit{{Commit: w.commit, At: w.now, URL: state.URL}}
	}
	for _, do := range change {
		do(&state)
	}
	w.card.State = state
	w.card.GitHub.Intend(state)
	w.deliver()
}

func (w *world) deliver() { w.channel.Deliver(w.t.Context(), &w.card, false) }

func gone(s *perch.CardState) { s.Goal, s.Commit, s.Reason = perch.GoalGone, "", "branch is deleted" }

// deployments are all deployments with their states, the oldest first.
func (w *world) deployments() (said []string) {
	for _, d := range w.hub.Deployments() {
		text := d.SHA[:7] + ":"
		for _, status := range d.Statuses {
			text += " " + status.State
		}
		said = append(said, text)
	}
	return said
}
