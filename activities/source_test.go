package activities

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
	"perch/source/github"
)

// hub makes GitHub the source of the world's repository.
func (w *world) hub() *hub.Server {
	w.t.Helper()
	repository, err := git.PlainOpen(w.repo.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	server := githubtest.New(w.t, repository)
	opened, err := github.Open(
		perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL}, github.Credentials{Token: hub.Token},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	w.set.branches.Source, of[*Stacks](w).Owner.Source = opened, opened
	return server
}

func TestRequestsAreAdmittedFromGitHub(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("feature/login", map[string]string{"perch.yaml": testConfig})
	w.hub()
	if got := w.admit(w.request("feature/login", commit)); got.Outcome != "" || got.Prepared == nil {
		t.Errorf("got %+v", got)
	}
}

func TestS66ARequestWaitsForTheResetThatGitHubNames(t *testing.T) {
	w := newWorld(t)
	commit := w.repo.commit("feature/login", map[string]string{"perch.yaml": testConfig})
	server := w.hub()
	server.SetRemaining(0)
	_, err := activitytest.Try(of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("feature/login", commit)})
	activitytest.WantRetry(t, err, "look for commit "+commit, "GitHub's rate limit is used up")
	failure := new(temporal.ApplicationError)
	if !errors.As(err, &failure) {
		t.Fatalf("error = %v", err)
	}
	// The reset is an hour after the server began.
	if delay := failure.NextRetryDelay(); delay < 30*time.Minute || delay > time.Hour+2*time.Second {
		t.Errorf("tried again after %s, and the reset is at %s", delay, server.Reset())
	}
}

func TestS67ARequestFailsIfTheTokenIsInvalid(t *testing.T) {
	w := newWorld(t)
	commit := w.repo.commit("feature/login", map[string]string{"perch.yaml": testConfig})
	w.hub().Intercept(func(http.Handler) http.Handler { return hub.Answer(http.StatusUnauthorized, "Bad credentials") })
	_, err := activitytest.Try(of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("feature/login", commit)})
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "GitHub answered 401", "give the worker a new one")
}

func TestARequestForAnInvalidCommitIsNotTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.repo.commit("feature/login", nil)
	for _, source := range []string{"git", "github"} {
		if source == "github" {
			w.hub()
		}
		_, err := activitytest.Try(
			of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("feature/login", "HEAD")},
		)
		activitytest.WantFinal(t, err, perch.ErrorInvalid, `commit "HEAD" is not a full commit`)
	}
}
