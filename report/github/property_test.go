package github

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"perch"
	hub "perch/sandbox/github"
)

// mortal is a network on which a worker dies before or after one of its calls.
type mortal struct {
	calls int
	after bool
	die   context.CancelFunc
}

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	m.calls--
	switch {
	case m.calls > 0:
		return http.DefaultTransport.RoundTrip(r)
	case m.calls == 0 && m.after:
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			_ = answer.Body.Close()
		}
	}
	m.die()
	return nil, errors.New("the worker has died")
}

// TestAWorkerThatDiesBetweenCallsLeavesNothingTwice lets workers die between any two calls. What
// they remembered is lost with them, or not.
func TestAWorkerThatDiesBetweenCallsLeavesNothingTwice(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		branch := rapid.StringMatching("[a-z]{12}").Draw(t, "branch")
		head := w.push(branch, branch)
		pull := w.hub.OpenPullRequest(hub.PullRequest{Title: branch, Author: "ana", Head: branch})
		environment, err := perch.NewEnvironment("shop", branch)
		if err != nil {
			t.Fatal(err)
		}
		w.card = perch.Card{Environment: environment}
		w.commit = head
		w.hub.SetContentLimits(1e6, 1e6)
		w.hub.SetRemaining(5000)
		phases := []perch.Phase{perch.PhaseImage, perch.PhaseStack, perch.PhaseReady}
		for _, phase := range phases {
			kept := w.card
			ctx, die := context.WithCancel(w.t.Context())
			w.restart(&mortal{
				calls: rapid.IntRange(1, 12).Draw(t, "calls"), after: rapid.Bool().Draw(t, "after"), die: die,
			})
			w.card.State = perch.CardState{
				Goal: perch.GoalUp, Commit: head, Phase: phase, RunID: "run", Begun: w.now, At: w.now,
			}
			w.channel.Deliver(ctx, &w.card, false)
			die()
			if rapid.Bool().Draw(t, "forgets") {
				state := w.card.State
				w.card = kept
				w.card.State = state
			}
		}
		w.restart(nil)
		w.deliver()
		var deployments []hub.Deployment
		for _, d := range w.hub.Deployments() {
			if strings.HasSuffix(d.Task, environment.Slug) {
				deployments = append(deployments, d)
			}
		}
		comments := w.hub.Comments(pull)
		statuses := w.hub.Statuses(head)
		if len(deployments) != 1 || deployments[0].State() != "success" || len(comments) != 1 ||
			!strings.Contains(comments[0].Body, "is ready") || statuses[len(statuses)-1].State != "success" ||
			w.card.GitHub.Undelivered {
			t.Fatalf("%d deployments, %d comments, card %+v", len(deployments), len(comments), w.card.GitHub)
		}
	})
}
