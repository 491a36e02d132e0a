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

// TestADeadSlackLeavesRoomForGitHub checks that undelivered reports to Slack do not use up the
// limit, even if all of them are older than those to GitHub.
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

// minutesAgo is a time before noon.
func minutesAgo(minutes int) time.Time {
	return time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC).Add(-time.Duration(minutes) * time.Minute)
}

func saidCard(branch string, phase perch.Phase, commit string, minutes int) perch.Card {
	card := perch.Card{
		Environment: perch.Environment{Project: "shop", Branch: branch, Slug: branch}, StackID: "stack-" + branch,
		State: perch.CardState{
			Goal: perch.GoalUp, Phase: phase, Commit: commit, RunID: "run-1", Begun: minutesAgo(minutes + 10),
			At: minutesAgo(minutes),
		},
	}
	return card
}

func liveStack(branch, status, commit string, minutes int) LiveStack {
	return LiveStack{
		Environment: perch.Environment{Project: "shop", Branch: branch, Slug: branch},
		Stack:       Found{ID: "stack-" + branch, Status: status, Commit: commit, Changed: minutesAgo(minutes)},
	}
}

func TestTemporalIsAskedAboutEnvironmentsWhoseRunMayBeUnrecorded(t *testing.T) {
	cards := []perch.Card{
		saidCard("fits", perch.PhaseReady, "c1", 60),
		saidCard("later-commit", perch.PhaseReady, "c1", 60),
		saidCard("later-change", perch.PhaseFailed, "c2", 60),
		saidCard("no-stack", perch.PhaseReady, "c1", 60),
		saidCard("not-removed", perch.PhaseReady, "c1", 60),
		saidCard("changing", perch.PhaseReady, "c1", 60),
		saidCard("working", perch.PhaseStack, "c1", 50),
		saidCard("just-working", perch.PhaseStack, "c1", 4),
		saidCard("just-ready", perch.PhaseReady, "c1", 4),
		saidCard("gone", perch.PhaseGone, "", 60),
	}
	never := saidCard("never-had-a-stack", perch.PhaseRejected, "c1", 60)
	never.StackID = ""
	cards = append(cards, never)
	stacks := []LiveStack{
		liveStack("fits", "UPDATE_COMPLETE", "c1", 70), liveStack("later-commit", "UPDATE_COMPLETE", "c2", 70),
		liveStack("later-change", "UPDATE_ROLLBACK_COMPLETE", "c1", 50),
		liveStack("not-removed", "DELETE_FAILED", "c1", 90), liveStack("changing", "UPDATE_IN_PROGRESS", "c1", 50),
		liveStack("working", "UPDATE_COMPLETE", "c1", 55), liveStack("just-ready", "UPDATE_COMPLETE", "c1", 70),
		liveStack("lost", "CREATE_COMPLETE", "c1", 40), liveStack("just-created", "CREATE_COMPLETE", "c1", 4),
	}
	var asked []string
	for _, each := range AskAbout(cards, stacks, minutesAgo(0)) {
		asked = append(asked, each.Card.Environment.Branch)
	}
	want := []string{"working", "lost", "later-commit", "later-change", "no-stack", "not-removed", "fits"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked about (-want +got):\n%s", diff)
	}
	cards = nil
	for i := range 2 * MaxAsked {
		cards = append(cards, saidCard(fmt.Sprint(i), perch.PhaseReady, "c1", 60))
	}
	if n := len(AskAbout(cards, nil, minutesAgo(0))); n != MaxAsked {
		t.Errorf("asked about %d environments", n)
	}
}

func TestTheSweepTellsOnlyWhatARunsEndSays(t *testing.T) {
	ready := func(commit string) Answer {
		return Answer{Result: perch.Result{Goal: perch.GoalUp, Outcome: perch.OutcomeReady, Commit: commit}}
	}
	removal := func(outcome perch.Outcome) Answer {
		return Answer{Result: perch.Result{Goal: perch.GoalGone, Outcome: outcome}}
	}
	run := func(goal perch.Goal, commit string, began int, answer Answer) ClosedRun {
		return ClosedRun{
			RunID: "run-2", Began: minutesAgo(began), Closed: minutesAgo(began - 5), Goal: goal, Commit: commit,
			Answer: answer,
		}
	}
	card, lost := saidCard("login", perch.PhaseReady, "c1", 60), perch.Card{}
	c1, c2 := liveStack("login", "UPDATE_COMPLETE", "c1", 70), liveStack("login", "UPDATE_COMPLETE", "c2", 40)
	rolledBack := liveStack("login", "UPDATE_ROLLBACK_COMPLETE", "c1", 40)
	recorded := run(perch.GoalUp, "c1", 70, ready("c1"))
	recorded.RunID = "run-1"
	for name, c := range map[string]struct {
		card  perch.Card
		stack *Found
		run   ClosedRun
		want  string
	}{
		"a later commit is ready": {card, &c2.Stack, run(perch.GoalUp, "c2", 45, ready("c2")), "up c2 ready"},
		"a later commit failed": {
			card, &rolledBack.Stack, run(perch.GoalUp, "c2", 45, Answer{Failure: "no capacity"}), "up c2 failed",
		},
		"it was removed":     {card, nil, run(perch.GoalGone, "", 45, removal(perch.OutcomeGone)), "gone  gone"},
		"its removal failed": {card, &c1.Stack, run(perch.GoalGone, "", 45, Answer{Failure: "x"}), "gone  failed"},
		"its removal was kept": {
			card, &c1.Stack, run(perch.GoalGone, "", 45, removal(perch.OutcomeKept)), "gone  kept",
		},
		"the card is lost": {lost, &c1.Stack, run(perch.GoalUp, "c1", 80, ready("c1")), "up c1 ready"},
		"another commit is up than the run's": {
			lost, &c2.Stack, run(perch.GoalUp, "c1", 80, ready("c1")), "",
		},
		"ready, but no stack": {card, nil, run(perch.GoalUp, "c2", 45, ready("c2")), ""},
		"gone, but a stack":   {lost, &c1.Stack, run(perch.GoalGone, "", 80, removal(perch.OutcomeGone)), ""},
		"its removal was denied": {
			card, &c1.Stack, run(perch.GoalGone, "", 45, removal(perch.OutcomeRejected)), "",
		},
		"it is recorded": {card, &c1.Stack, recorded, ""},
		"a run before the card's": {
			card, &c1.Stack, run(perch.GoalUp, "c0", 90, Answer{Failure: "no capacity"}), "",
		},
		"a commit that was not the head": {
			card, &c1.Stack,
			run(perch.GoalUp, "c0", 45, Answer{
				Result: perch.Result{Goal: perch.GoalUp, Outcome: perch.OutcomeSuperseded},
			}),
			"",
		},
		"nothing is said": {card, &c1.Stack, run(perch.GoalUp, "c0", 45, Answer{}), ""},
	} {
		got := ""
		if state, known := (Unrecorded{Card: c.card, Stack: c.stack}).End(c.run); known {
			got = fmt.Sprintf("%s %s %s", state.Goal, state.Commit, state.Phase)
			if state.RunID != c.run.RunID || !state.At.Equal(c.run.Closed) || state.Kind != "" {
				t.Errorf("%s: state %+v", name, state)
			}
		}
		if got != c.want {
			t.Errorf("%s: tells %q, want %q", name, got, c.want)
		}
	}
}
