package github

import (
	"context"
	"encoding/json"
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
// they remembered is lost with them, or not, and sometimes the card.
func TestAWorkerThatDiesBetweenCallsLeavesNothingTwice(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		branch := rapid.StringMatching("[a-z]{12}").Draw(t, "branch")
		head, next := w.push(branch, branch), w.push(branch, branch+" again")
		pull := w.hub.OpenPullRequest(hub.PullRequest{Title: branch, Author: "ana", Head: branch})
		environment, err := perch.NewEnvironment("shop", branch)
		if err != nil {
			t.Fatal(err)
		}
		w.card = perch.Card{Environment: environment}
		w.hub.SetContentLimits(1e6, 1e6)
		w.hub.SetRemaining(5000)
		for step, said := range []perch.CardState{
			{Commit: head, Phase: perch.PhaseImage}, {Commit: head, Phase: perch.PhaseStack},
			{Commit: head, Phase: perch.PhaseReady}, {Commit: next, Phase: perch.PhaseStack},
			{Commit: next, Phase: perch.PhaseReady}, {Phase: perch.PhaseGone},
		} {
			said.RunID, said.Begun, said.At = "run", w.now, w.now
			if said.Goal = perch.GoalUp; said.Phase == perch.PhaseGone {
				said.Goal = perch.GoalGone
			}
			w.card.State = said
			w.card.GitHub.Intend(said)
			kept := copyOf(t, w.card)
			ctx, die := context.WithCancel(w.t.Context())
			w.restart(&mortal{
				calls: rapid.IntRange(1, 12).Draw(t, "calls"), after: rapid.Bool().Draw(t, "after"), die: die,
			})
			w.channel.Deliver(ctx, &w.card, false)
			die()
			switch forgets := rapid.IntRange(0, 5).Draw(t, "forgets"); {
			case forgets < 2:
				w.card = kept
			case forgets == 2: // The card is lost.
				w.card = perch.Card{Environment: environment, State: said}
			}
			if step == 2 || step == 4 {
				w.restart(nil)
				w.deliver()
				w.wantOneOfEach(t, pull, said.Commit)
			}
		}
		w.restart(nil)
		w.deliver()
		for _, d := range w.deploymentsOf(environment) {
			if d.State() != "inactive" {
				t.Fatalf("after the removal the deployment of %s is %s; card %+v", d.SHA, d.State(), w.card.GitHub)
			}
		}
		w.deliver()
		if comments := w.hub.Comments(pull); len(comments) != 1 || w.card.GitHub.Undelivered ||
			!strings.Contains(comments[0].Body, "is removed") {
			t.Fatalf("after the removal: %d comments, card %+v", len(comments), w.card.GitHub)
		}
	})
}

// deploymentsOf are an environment's deployments, the oldest first.
func (w *world) deploymentsOf(environment perch.Environment) (found []hub.Deployment) {
	for _, d := range w.hub.Deployments() {
		if d.Task == "perch:"+environment.StackName() {
			found = append(found, d)
		}
	}
	return found
}

// wantOneOfEach fails unless the ready commit has one deployment, which alone is not inactive, the
// pull request one comment, and the commit's status is a success.
func (w *world) wantOneOfEach(t *rapid.T, pull int, commit string) {
	count := 0
	for _, d := range w.deploymentsOf(w.card.Environment) {
		want := "inactive"
		if d.SHA == commit {
			want = "success"
			count++
		}
		if d.State() != want {
			t.Fatalf("the deployment of %s is %s, want %s; card %+v", d.SHA, d.State(), want, w.card.GitHub)
		}
	}
	comments, statuses := w.hub.Comments(pull), w.hub.Statuses(commit)
	if count != 1 || len(comments) != 1 || !strings.Contains(comments[0].Body, "is ready") ||
		statuses[len(statuses)-1].State != "success" || w.card.GitHub.Undelivered {
		t.Fatalf("%d deployments, %d comments, card %+v", count, len(comments), w.card.GitHub)
	}
}

// copyOf is the card as the bucket has it.
func copyOf(t *rapid.T, card perch.Card) (stored perch.Card) {
	content, err := json.Marshal(card)
	if err == nil {
		err = json.Unmarshal(content, &stored)
	}
	if err != nil {
		t.Fatal(err)
	}
	return stored
}
