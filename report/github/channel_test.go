package github

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	hub "perch/sandbox/github"
)

func TestADeploymentIsSeenOnThePullRequest(t *testing.T) {
	w := newWorld(t)
	w.say(perch.PhaseImage)
	w.say(perch.PhaseStack)
	w.say(perch.PhaseReady)
	if diff := cmp.Diff([]string{w.commit[:7] + ": queued in_progress success"}, w.deployments()); diff != "" {
		t.Errorf("deployments (-want +got):\n%s", diff)
	}
	d := w.hub.Deployments()[0]
	if d.Task != "perch:"+w.card.Environment.StackName() || d.Environment != "preview" || !d.Transient ||
		d.Production ||
		d.Last().URL != "https://feature-login.shop.example.com" ||
		!strings.Contains(string(d.Payload), "feature/login") {
		t.Errorf("deployment %+v", d)
	}
	var states []string
	for _, status := range w.hub.Statuses(w.commit) {
		states = append(states, status.Context+" "+status.State)
	}
	if diff := cmp.Diff(
		[]string{"perch/shop pending", "perch/shop pending", "perch/shop success"}, states,
	); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	comments := w.hub.Comments(w.pull)
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "Environment is ready") {
		t.Errorf("comments %+v", comments)
	}
	if w.card.GitHub.Undelivered || w.card.GitHub.Problem != "" || len(w.card.PullRequests) != 1 {
		t.Errorf("card %+v", w.card)
	}
	calls, writes := len(w.hub.Calls()), len(w.hub.Writes())
	if writes != 10 {
		t.Errorf("%d writes for a deployment that waited for its image: %q", writes, w.hub.Writes())
	}
	w.deliver()
	if again := len(w.hub.Writes()); again != writes || len(w.hub.Calls()) > calls+1 {
		t.Errorf("a repeat wrote %d times with %d calls", again-writes, len(w.hub.Calls())-calls)
	}
}

func TestADeploymentTakesEightWrites(t *testing.T) {
	w := newWorld(t)
	w.say(perch.PhaseStack)
	w.say(perch.PhaseReady)
	w.commit = w.push("feature/login", "three")
	before := len(w.hub.Writes())
	w.say(perch.PhaseStack)
	w.say(perch.PhaseReady)
	if writes := w.hub.Writes()[before:]; len(writes) != 8 {
		t.Errorf("%d writes: %q", len(writes), writes)
	}
}

func TestTheNextDeploymentRetiresTheOneBefore(t *testing.T) {
	w := newWorld(t)
	first := w.commit
	w.say(perch.PhaseReady)
	second := w.push("feature/login", "three")
	w.commit = second
	w.say(perch.PhaseStack)
	want := []string{first[:7] + ": success", second[:7] + ": in_progress"}
	if diff := cmp.Diff(want, w.deployments()); diff != "" {
		t.Errorf("while the second is deployed (-want +got):\n%s", diff)
	}
	superseded := w.card.State
	superseded.Phase, superseded.Outcome = perch.PhaseSuperseded, perch.OutcomeSuperseded
	third := w.push("feature/login", "four")
	superseded.SupersededBy = third
	w.card.Ended, w.commit = []perch.CardState{superseded}, third
	w.say(perch.PhaseReady)
	want = []string{first[:7] + ": success inactive", second[:7] + ": in_progress inactive", third[:7] + ": success"}
	if diff := cmp.Diff(want, w.deployments()); diff != "" {
		t.Errorf("when the third is ready (-want +got):\n%s", diff)
	}
	statuses := w.hub.Statuses(second)
	if last := statuses[len(statuses)-1]; last.State != "success" || last.Description != "superseded by "+third[:7] ||
		len(w.card.Ended) > 0 {
		t.Errorf("status of the second %+v; still to be told: %d", last, len(w.card.Ended))
	}
	w.commit = first
	w.say(perch.PhaseReady)
	if got := w.deployments(); got[0] != first[:7]+": success inactive success" ||
		got[2] != third[:7]+": success inactive" || len(got) != 3 {
		t.Errorf("when the first is deployed again: %q", got)
	}
	w.say(perch.PhaseGone, gone)
	for _, d := range w.hub.Deployments() {
		if d.State() != "inactive" {
			t.Errorf("after the removal %s is %s", d.SHA, d.State())
		}
	}
	if body := w.hub.Comments(w.pull)[0].Body; !strings.Contains(body, "Environment is removed") {
		t.Errorf("comment after the removal: %s", body)
	}
}

func TestEachPullRequestOfTheBranchHasOneComment(t *testing.T) {
	w := newWorld(t)
	fork := w.hub.OpenPullRequest(hub.PullRequest{
		Title: "Same name", Author: "eve", Head: "feature/login", Owner: "eve",
	})
	w.hub.AddComment(w.pull, "eve", "<!-- perch:shop:"+w.card.Environment.Slug+" -->\nnot by Perch")
	for range 120 {
		w.hub.AddComment(w.pull, "ana", "talk")
	}
	w.say(perch.PhaseStack)
	other := w.hub.OpenPullRequest(hub.PullRequest{
		Title: "Into next", Author: "ana", Head: "feature/login", Base: "next",
	})
	w.card.GitHub = perch.GitHubMemory{} // The card was lost.
	w.say(perch.PhaseReady)
	for number, want := range map[int]int{w.pull: 1, other: 1, fork: 0} {
		count := 0
		for _, comment := range w.hub.Comments(number) {
			if comment.Author == hub.User {
				count++
			}
		}
		if count != want {
			t.Errorf("pull request %d has %d comments", number, count)
		}
	}
}

func TestACommentThatIsDeletedOrEditedIsWrittenAgain(t *testing.T) {
	w := newWorld(t)
	w.say(perch.PhaseStack)
	w.hub.EditComment(w.card.GitHub.Comments[0].ID, "nonsense")
	w.say(perch.PhaseReady)
	if body := w.hub.Comments(w.pull)[0].Body; !strings.Contains(body, "is ready") ||
		!strings.Contains(w.card.GitHub.Problem, "was edited by another user") || w.card.GitHub.Undelivered {
		t.Errorf("problem %q, comment %s", w.card.GitHub.Problem, body)
	}
	w.hub.DeleteComment(w.card.GitHub.Comments[0].ID)
	w.say(perch.PhaseFailed)
	if comments := w.hub.Comments(w.pull); len(comments) != 1 || !strings.Contains(comments[0].Body, "failed") {
		t.Errorf("comments %+v", comments)
	}
}

func TestWhatGitHubDeniesIsNamedOnceAndNotTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		deny  func(w *world)
		allow func(w *world)
		words string
		done  int // writes although something is denied
	}{
		"no deployments": {
			func(w *world) {
				w.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("deployments")})
			}, nil,
			`the permission "Deployments: write" in acme/shop`, 2,
		},
		"no statuses": {
			func(w *world) {
				w.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("statuses")})
			}, nil,
			`the permission "Commit statuses: write" in acme/shop`, 3,
		},
		"no pull requests": {
			func(w *world) {
				w.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("pull_requests")})
			}, nil,
			`the permission "Pull requests: write" in acme/shop`, 3,
		},
		"locked": {
			func(w *world) { w.hub.EditPullRequest(w.pull, func(p *hub.PullRequest) { p.Locked = true }) },
			func(w *world) { w.hub.EditPullRequest(w.pull, func(p *hub.PullRequest) { p.Locked = false }) },
			"conversation is locked", 3,
		},
		"archived": {func(w *world) { w.hub.Archive(true) }, func(w *world) { w.hub.Archive(false) }, "is archived", 0},
		"bad token": {
			func(w *world) { w.hub.Accept(hub.Token, false) }, func(w *world) { w.hub.Accept(hub.Token, true) },
			"give the worker a new one", 0,
		},
		"hidden": {
			func(w *world) {
				w.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("metadata")})
			}, nil,
			`the permission "Deployments: write" in acme/shop`, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.deny(w)
			w.say(perch.PhaseStack)
			if !strings.Contains(w.card.GitHub.Problem, c.words) || !w.card.GitHub.Undelivered ||
				len(w.hub.Writes()) != c.done {
				t.Errorf("problem %q, writes %q", w.card.GitHub.Problem, w.hub.Writes())
			}
			before := len(w.hub.Calls())
			w.deliver()
			if !strings.Contains(w.card.GitHub.Problem, c.words) || len(w.hub.Calls()) > before+1 {
				t.Errorf("the next report: problem %q, calls %q", w.card.GitHub.Problem, w.hub.Calls()[before:])
			}
			w.hub.Accept(hub.Token, true)
			if c.allow != nil {
				c.allow(w)
			}
			w.channel.Deliver(t.Context(), &w.card, true)
			if w.card.GitHub.Problem != "" || w.card.GitHub.Undelivered || len(w.hub.Comments(w.pull)) != 1 ||
				len(w.hub.Deployments()) != 1 {
				t.Errorf("after it is corrected: %+v", w.card.GitHub)
			}
		})
	}
}

func TestWhatGitHubCannotTakeNowIsUndelivered(t *testing.T) {
	hold := make(chan struct{})
	for name, fault := range map[string]hub.Fault{
		"server error":    {Answer: hub.Answer(http.StatusBadGateway, "Server Error")},
		"secondary limit": {Answer: hub.SecondaryLimit(time.Minute)},
		"too many":        {Answer: hub.Answer(http.StatusTooManyRequests, "slow down", "Retry-After", "60")},
		"slow":            {Hold: hold},
		"lost":            {Lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			withdraw := w.hub.Inject(fault)
			ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer stop()
			w.card.State = perch.CardState{Goal: perch.GoalUp, Commit: w.commit, Phase: perch.PhaseReady, RunID: "run"}
			w.channel.Deliver(ctx, &w.card, false)
			if !w.card.GitHub.Undelivered {
				t.Errorf("card %+v", w.card.GitHub)
			}
			withdraw()
			w.now = w.now.Add(2 * time.Minute)
			w.restart(nil)
			w.deliver()
			if w.card.GitHub.Undelivered || len(w.hub.Deployments()) != 1 || len(w.hub.Comments(w.pull)) != 1 {
				t.Errorf("afterwards: %+v, %q", w.card.GitHub, w.hub.Writes())
			}
		})
	}
}

func TestWhatTheProjectDoesNotWantIsNotWritten(t *testing.T) {
	w := newWorld(t)
	w.card.Muted = perch.MutedReports{Deployments: true, Comment: true}
	w.say(perch.PhaseStack)
	w.say(perch.PhaseReady)
	if got := len(w.hub.Deployments()) + len(w.hub.Comments(w.pull)); got != 0 || len(w.hub.Statuses(w.commit)) != 2 {
		t.Errorf("written: %q", w.hub.Writes())
	}
	if w.card.GitHub.Undelivered {
		t.Error("what is not wanted counts as undelivered")
	}
}

func TestReportsLinkToTheRunUntilThereIsAnEnvironment(t *testing.T) {
	w := newWorld(t)
	w.channel.RunURL = func(e perch.Environment, run string) string {
		return "https://temporal.example.com/" + e.Slug + "/" + run
	}
	run := "https://temporal.example.com/" + w.card.Environment.Slug + "/run"
	w.say(perch.PhaseStack)
	w.say(perch.PhaseReady)
	d, statuses := w.hub.Deployments()[0], w.hub.Statuses(w.commit)
	if len(d.Statuses) != 2 || d.Statuses[0].LogURL != run || d.Statuses[1].LogURL != run {
		t.Errorf("deployment %+v", d)
	}
	if len(statuses) != 2 || statuses[0].URL != run || statuses[1].URL != "https://feature-login.shop.example.com" {
		t.Errorf("statuses %+v", statuses)
	}
}
