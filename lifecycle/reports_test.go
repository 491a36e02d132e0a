package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestReportsThatWereNotDeliveredAreRepaired(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	card := func(branch string, undelivered bool, phase perch.Phase, age time.Duration) perch.Card {
		c := perch.Card{Environment: perch.Environment{Project: "shop", Branch: branch, Slug: branch}}
		c.State.Phase, c.State.At, c.GitHub.Undelivered = phase, now.Add(-age), undelivered
		return c
	}
	cards := []perch.Card{
		card("later", true, perch.PhaseReady, time.Hour),
		card("first", true, perch.PhaseFailed, 2*time.Hour),
		card("delivered", false, perch.PhaseReady, time.Hour),
		card("on-its-way", true, perch.PhaseReady, time.Minute),
		card("forgotten", true, perch.PhaseReady, 8*24*time.Hour),
		card("removed", true, perch.PhaseGone, 8*24*time.Hour),
		card("nothing-said", true, "", time.Hour),
	}
	slack := card("slack", false, perch.PhaseReady, 100*time.Hour)
	slack.Slack.Undelivered = true
	cards = append(cards, slack)
	var got []string
	for _, environment := range PlanReports(cards, now) {
		got = append(got, environment.Branch)
	}
	if diff := cmp.Diff([]string{"removed", "first", "later", "slack"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestASweepRepairsAFewReports(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var cards []perch.Card
	for i := range 2 * MaxReports {
		c := perch.Card{Environment: perch.Environment{Branch: fmt.Sprint(i)}}
		c.State.Phase, c.State.At, c.GitHub.Undelivered = perch.PhaseReady, now.Add(
			-time.Duration(i)*time.Hour-ReportsAfter,
		), true
		cards = append(cards, c)
	}
	if n := len(PlanReports(cards, now)); n != MaxReports {
		t.Errorf("%d reports in one sweep", n)
	}
}

// TestADeadSlackLeavesRoomForGitHub: the reports that GitHub misses are younger than all that Slack
// misses.
func TestADeadSlackLeavesRoomForGitHub(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var cards []perch.Card
	for i := range 2 * MaxReports {
		c := perch.Card{Environment: perch.Environment{Branch: fmt.Sprint("slack-", i)}}
		c.State.Phase, c.State.At, c.Slack.Undelivered = perch.PhaseReady, now.Add(-24*time.Hour), true
		cards = append(cards, c)
	}
	missed := perch.Card{Environment: perch.Environment{Branch: "github"}}
	missed.State.Phase, missed.State.At, missed.GitHub.Undelivered = perch.PhaseReady, now.Add(-time.Hour), true
	if planned := PlanReports(append(cards, missed), now); planned[0].Branch != "github" {
		t.Errorf("the first report is of %s", planned[0].Branch)
	}
}

func TestEndStateIsWhatTheRunWouldHaveReported(t *testing.T) {
	known := perch.CardState{
		Goal: perch.GoalUp, Commit: "c1", Phase: perch.PhaseStack, By: "ci", RunID: "first", URL: "https://login",
	}
	began, closed := known.At.Add(time.Minute), known.At.Add(time.Hour)
	for name, c := range map[string]struct {
		answer Answer
		want   perch.CardState
	}{
		"ready": {
			Answer{Result: perch.Result{Outcome: perch.OutcomeReady}},
			perch.CardState{Phase: perch.PhaseReady, Outcome: perch.OutcomeReady},
		},
		"gone": {
			Answer{Result: perch.Result{Outcome: perch.OutcomeGone}},
			perch.CardState{Phase: perch.PhaseGone, Outcome: perch.OutcomeGone},
		},
		"kept": {
			Answer{Result: perch.Result{Outcome: perch.OutcomeKept, Reason: "a push"}},
			perch.CardState{Phase: perch.PhaseKept, Outcome: perch.OutcomeKept, Sentence: "a push"},
		},
		"failed": {Answer{Failure: "no capacity"}, perch.CardState{Phase: perch.PhaseFailed, Failure: "no capacity"}},
	} {
		want := c.want
		want.Goal, want.Commit, want.By, want.URL = known.Goal, known.Commit, known.By, known.URL
		want.RunID, want.Begun, want.At = "last", began, closed
		got := EndState(known, ClosedRun{RunID: "last", Began: began, Closed: closed, Answer: c.answer})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestUnfinishedAreCardsWhoseRunWasAtWorkAWhileAgo(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for phase, want := range map[perch.Phase]bool{
		perch.PhaseImage: true, perch.PhaseStack: true, perch.PhaseGrace: true, perch.PhaseRemoving: true,
		perch.PhaseReady: false, perch.PhaseFailed: false, perch.PhaseGone: false, perch.PhaseKept: false, "": false,
	} {
		old := perch.Card{State: perch.CardState{Phase: phase, At: now.Add(-ReportsAfter)}}
		young := perch.Card{State: perch.CardState{Phase: phase, At: now.Add(-ReportsAfter + time.Second)}}
		if got := Unfinished([]perch.Card{old, young}, now); (len(got) == 1) != want || len(got) > 1 {
			t.Errorf("%q: %d unfinished, want %t", phase, len(got), want)
		}
	}
}
