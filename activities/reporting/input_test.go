package reporting

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/contract"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// said is a state that a run said so many minutes after it began.
func said(run string, begun time.Time, minutes int, phase perch.Phase, commit string) *perch.CardState {
	return &perch.CardState{
		RunID: run, Begun: begun, At: begun.Add(time.Duration(minutes) * time.Minute), Phase: phase, Commit: commit,
		URL: "https://" + commit,
	}
}

func TestStatesAreEnteredInTheirOrder(t *testing.T) {
	later := noon.Add(time.Hour)
	for name, c := range map[string]struct {
		states []*perch.CardState
		want   perch.Phase
	}{
		"one after the other": {
			[]*perch.CardState{said("a", noon, 0, "stack", "1"), said("a", noon, 9, "failed", "1")}, "failed",
		},
		"the later one first": {
			[]*perch.CardState{said("a", noon, 9, "failed", "1"), said("a", noon, 0, "stack", "1")}, "failed",
		},
		"the later run first": {
			[]*perch.CardState{said("b", later, 0, "stack", "2"), said("a", noon, 90, "failed", "1")}, "stack",
		},
		"a repeat": {
			[]*perch.CardState{said("a", noon, 0, "stack", "1"), said("a", noon, 0, "stack", "1")}, "stack",
		},
		"runs of a clock that jumps": {
			[]*perch.CardState{said("a", noon, 90, "failed", "1"), said("b", later, 0, "stack", "2")}, "stack",
		},
		"notes say nothing": {[]*perch.CardState{said("a", noon, 0, "stack", "1"), nil}, "stack"},
	} {
		var card perch.Card
		for _, state := range c.states {
			applyInput(&card, contract.ReportInput{State: state}, nil, false, perch.PolicyExpiry{}, noon)
		}
		if card.State.Phase != c.want {
			t.Errorf("%s: phase %q, want %q", name, card.State.Phase, c.want)
		}
	}
}

func TestWhatPerchYAMLDoesNotWantStaysUntilItIsReadAgain(t *testing.T) {
	var card perch.Card
	enter := func(minute int, goal perch.Goal, kind perch.Kind, comment bool) bool {
		state := said("a", noon, minute, "stack", "1")
		state.Goal, state.Kind, state.Muted.Comment = goal, kind, comment
		applyInput(&card, contract.ReportInput{State: state}, nil, false, perch.PolicyExpiry{}, noon)
		return card.Muted.Comment
	}
	muted := []bool{
		enter(0, perch.GoalUp, perch.KindBranch, true), enter(1, perch.GoalUp, "", false),
		enter(2, perch.GoalGone, "", false),
		enter(3, perch.GoalUp, perch.KindBranch, false),
	}
	if diff := cmp.Diff([]bool{true, true, true, false}, muted); diff != "" {
		t.Errorf("muted (-want +got):\n%s", diff)
	}
}

func TestReadyCommitsAreThoseOfTheStack(t *testing.T) {
	var card perch.Card
	enter := func(stackID string, minute int, phase perch.Phase, commit string) []string {
		applyInput(
			&card, contract.ReportInput{StackID: stackID, State: said("a", noon, minute, phase, commit)}, nil, false,
			perch.PolicyExpiry{}, noon,
		)
		var ready []string
		for _, r := range card.Ready {
			ready = append(ready, r.Commit+" "+r.URL)
		}
		return ready
	}
	for i, c := range []struct {
		stackID string
		phase   perch.Phase
		commit  string
		want    []string
	}{
		{"", "stack", "1", nil},
		{"one", "ready", "1", []string{"1 https://1"}},
		{"one", "failed", "2", []string{"1 https://1"}},
		{"one", "ready", "2", []string{"2 https://2", "1 https://1"}},
		{"one", "ready", "1", []string{"1 https://1", "2 https://2"}},
		{"two", "stack", "3", nil},
		{"two", "ready", "3", []string{"3 https://3"}},
		{"two", "gone", "", nil},
	} {
		if diff := cmp.Diff(c.want, enter(c.stackID, i, c.phase, c.commit)); diff != "" {
			t.Errorf("step %d: ready (-want +got):\n%s", i, diff)
		}
	}
	for i := range 2 * rememberedReady {
		enter("two", 100+i, perch.PhaseReady, fmt.Sprint(i))
	}
	if len(card.Ready) != rememberedReady || card.Ready[0].Commit != "19" || !card.Since.Equal(noon) {
		t.Errorf("%d ready commits, the first %s, since %v", len(card.Ready), card.Ready[0].Commit, card.Since)
	}
}

func TestStatesOfNotesAreEnteredUnlessARunHasSaidMoreSince(t *testing.T) {
	later := noon.Add(time.Hour)
	ended := said("a", noon, 30, perch.PhaseFailed, "1")
	for name, c := range map[string]struct {
		known, own *perch.CardState
		want       perch.Phase
	}{
		"the run was at work": {said("a", noon, 0, perch.PhaseStack, "1"), nil, perch.PhaseFailed},
		"another run is open": {said("b", later, 0, perch.PhaseStack, "2"), nil, perch.PhaseStack},
		"the open run says so": {
			said("a", noon, 0, perch.PhaseStack, "1"), said("b", later, 0, perch.PhaseStack, "2"), perch.PhaseStack,
		},
		"nothing was said ever": {&perch.CardState{}, nil, perch.PhaseFailed},
	} {
		card := perch.Card{State: *c.known, StackID: "one"}
		applyInput(
			&card, contract.ReportInput{State: c.own, Notes: []perch.Note{{Kind: perch.NoteReport, State: ended}}}, nil,
			true, perch.PolicyExpiry{}, noon,
		)
		if card.State.Phase != c.want || card.StackID != "one" || !card.GitHub.Undelivered {
			t.Errorf("%s: card %+v, want %s", name, card, c.want)
		}
	}
}

func TestADeploymentIsIntendedBeforeItIsCreated(t *testing.T) {
	var card perch.Card
	enter := func(minute int, phase perch.Phase, commit string, tells bool) []string {
		state := said("a", noon, minute, phase, commit)
		state.Goal = perch.GoalUp
		applyInput(&card, contract.ReportInput{State: state}, nil, tells, perch.PolicyExpiry{}, noon)
		return card.GitHub.Intended
	}
	if got := enter(0, perch.PhaseStack, "1", false); len(got) > 0 {
		t.Errorf("intended without a channel: %q", got)
	}
	enter(1, perch.PhaseStack, "1", true)
	if diff := cmp.Diff([]string{"1", "2"}, enter(2, perch.PhaseStack, "2", true)); diff != "" {
		t.Errorf("intended (-want +got):\n%s", diff)
	}
	card.GitHub = perch.GitHubMemory{Deployment: &perch.GitHubDeployment{ID: 7, Commit: "2"}}
	if got := enter(3, perch.PhaseReady, "2", true); len(got) > 0 {
		t.Errorf("intended although it is known: %q", got)
	}
}

func TestPullRequestsAreListedAgainAfterANoteAboutThem(t *testing.T) {
	for kind, again := range map[perch.NoteKind]bool{
		perch.NotePullRequest: true, perch.NoteReport: true, perch.NoteWarn: true, perch.NoteLeftovers: false,
	} {
		card := perch.Card{GitHub: perch.GitHubMemory{PullRequestsOf: "1"}}
		in := contract.ReportInput{Notes: []perch.Note{{Kind: kind}}}
		applyInput(&card, in, nil, true, perch.PolicyExpiry{}, noon)
		if (card.GitHub.PullRequestsOf == "") != again {
			t.Errorf("%s: listed of %q", kind, card.GitHub.PullRequestsOf)
		}
	}
}

func TestCommentsAreSearchedForWhenPeopleAreToBeWarned(t *testing.T) {
	for deadline, searched := range map[time.Time]bool{noon.Add(24 * time.Hour): true, noon.Add(time.Hour): false} {
		card := perch.Card{
			StackID: "one", Activity: perch.Activity{At: noon}, Expiry: &perch.Expiry{Idle: 24},
			GitHub: perch.GitHubMemory{Comments: []perch.GitHubComment{{PullRequest: 7, ID: 8, Hash: "9"}}},
		}
		note := perch.Note{
			ID: "n", Kind: perch.NoteWarn, StackID: "one", Warning: &perch.ExpiryWarning{Deadline: deadline},
		}
		applyInput(&card, contract.ReportInput{Notes: []perch.Note{note}}, nil, true, perch.PolicyExpiry{}, noon)
		if known := card.GitHub.Comments[0]; known.PullRequest != 7 || (known.ID == 0) != searched ||
			(card.ExpiryWarning != nil) != searched {
			t.Errorf("a warning about %v: comment %+v, warning %+v", deadline, known, card.ExpiryWarning)
		}
	}
}

// TestALateMessageToSlackIsNotForgotten enters what was told after a worker that waited has posted.
func TestALateMessageToSlackIsNotForgotten(t *testing.T) {
	told := perch.Card{WriteID: "one", Slack: perch.SlackMemory{Told: "run-1 failed", At: noon}}
	card := perch.Card{WriteID: "two", Slack: perch.SlackMemory{Told: "run-2 ready", At: noon.Add(time.Minute)}}
	enter(&card, told, "one")
	if card.Slack.Told != "run-2 ready" || !card.Slack.Undelivered {
		t.Errorf("the card says %+v", card.Slack)
	}
}

// TestPeopleAreWarnedWhenEveryChannelHasTheWarning has a warning that was recorded, and what the
// channels have entered since.
func TestPeopleAreWarnedWhenEveryChannelHasTheWarning(t *testing.T) {
	end := noon.Add(24 * time.Hour)
	warning := perch.ExpiryWarning{Deadline: end, End: end}
	commented := perch.GitHubMemory{Comments: []perch.GitHubComment{{PullRequest: 7, ID: 1}}}
	locked := perch.GitHubMemory{
		Comments: []perch.GitHubComment{{PullRequest: 7}}, Undelivered: true, CommentUndelivered: true,
	}
	noDeployment := commented
	noDeployment.Undelivered = true
	posted := perch.SlackMemory{Warned: warning.Key()}
	for name, c := range map[string]struct {
		gitHub perch.GitHubMemory
		slack  perch.SlackMemory
		change func(*perch.Card)
		want   bool
	}{
		"by a comment":                       {commented, perch.SlackMemory{}, nil, true},
		"by Slack":                           {perch.GitHubMemory{}, posted, nil, true},
		"by both":                            {commented, posted, nil, true},
		"by a comment, without a deployment": {noDeployment, perch.SlackMemory{}, nil, true},
		"by no channel":                      {perch.GitHubMemory{}, perch.SlackMemory{}, nil, false},
		"by a comment, and not by Slack":     {commented, perch.SlackMemory{Undelivered: true}, nil, false},
		"by Slack, and not by a comment":     {locked, posted, nil, false},
		"by Slack of an earlier end":         {perch.GitHubMemory{}, perch.SlackMemory{Warned: "earlier"}, nil, false},
		"by Slack, which was not told a later state": {
			perch.GitHubMemory{}, perch.SlackMemory{Warned: warning.Key(), Undelivered: true}, nil, true,
		},
		"by a comment that perch.yaml turned off": {
			commented, perch.SlackMemory{}, func(c *perch.Card) { c.Muted.Comment = true }, false,
		},
		"while the environment is removed": {
			commented, posted, func(c *perch.Card) { c.State.Phase = perch.PhaseRemoving }, false,
		},
		"of another end than the channels saw": {
			commented, posted, func(c *perch.Card) { c.ExpiryWarning.Deadline = end.Add(time.Hour) }, false,
		},
	} {
		announced := warning
		told := perch.Card{ExpiryWarning: &warning}
		card := perch.Card{ExpiryWarning: &announced, GitHub: c.gitHub, Slack: c.slack}
		card.State.Phase = perch.PhaseReady
		if c.change != nil {
			c.change(&card)
		}
		enterWarned(&card, told, noon)
		if got := card.ExpiryWarning.At.Equal(noon); got != c.want {
			t.Errorf("%s: warned is %t, want %t", name, got, c.want)
		}
	}
}

// TestWhatCountsAsUse has what a report brings, a week after the last use.
func TestWhatCountsAsUse(t *testing.T) {
	week := noon.Add(168 * time.Hour)
	bounds := perch.PolicyExpiry{Idle: 1000, Extend: 168, Pin: 720}
	const branch = perch.KindBranch
	state := func(goal perch.Goal, kind perch.Kind, phase perch.Phase, commit string) contract.ReportInput {
		said := said("b", week, 0, phase, commit)
		said.Goal, said.Kind, said.By = goal, kind, "ana"
		return contract.ReportInput{StackID: "one", State: said}
	}
	note := func(kind perch.NoteKind, change func(*perch.Note)) contract.ReportInput {
		sent := perch.Note{
			ID: "n", Kind: kind, Branch: "login", StackID: "one", Created: noon, By: "ana", Reason: "demo",
		}
		if change != nil {
			change(&sent)
		}
		return contract.ReportInput{Notes: []perch.Note{sent}}
	}
	for name, c := range map[string]struct {
		in   contract.ReportInput
		want perch.ActivityKind
	}{
		"an accepted push":              {state(perch.GoalUp, branch, perch.PhaseStack, "2"), perch.ActivityPush},
		"a push whose deployment fails": {state(perch.GoalUp, branch, perch.PhaseFailed, "2"), perch.ActivityPush},
		"the same commit again":         {state(perch.GoalUp, branch, perch.PhaseReady, "1"), perch.ActivityPush},
		"an extension": {
			note(perch.NoteExtend, func(n *perch.Note) { n.Longer = 100 }), perch.ActivityExtend,
		},
		"a pin":                       {note(perch.NotePin, nil), perch.ActivityPin},
		"an unpin":                    {note(perch.NoteUnpin, nil), perch.ActivityUnpin},
		"an up that is rejected":      {state(perch.GoalUp, "", perch.PhaseRejected, "2"), ""},
		"a removal":                   {state(perch.GoalGone, branch, perch.PhaseGrace, ""), ""},
		"a removal that is done":      {state(perch.GoalGone, branch, perch.PhaseGone, ""), ""},
		"a request to report again":   {note(perch.NoteReport, nil), ""},
		"a note about a pull request": {note(perch.NotePullRequest, nil), ""},
		"a note about leftovers":      {note(perch.NoteLeftovers, nil), ""},
		"a pin that is rejected":      {note(perch.NotePin, func(n *perch.Note) { n.Reason = "" }), ""},
		"the end of a run, by the sweep": {note(perch.NoteReport, func(n *perch.Note) {
			n.State = state(perch.GoalUp, branch, perch.PhaseReady, "2").State
		}), ""},
		"a warning": {note(perch.NoteWarn, func(n *perch.Note) {
			n.Warning = &perch.ExpiryWarning{Deadline: noon.Add(1000 * time.Hour)}
		}), ""},
	} {
		card := perch.Card{
			StackID: "one", Since: noon, State: *said("a", noon, 0, perch.PhaseReady, "1"),
			Activity: perch.Activity{Kind: perch.ActivityPush, By: "bob", At: noon},
		}
		if name == "an unpin" {
			card.Pin = &perch.Pin{By: "bob", Until: week.Add(time.Hour)}
		}
		applyInput(&card, c.in, nil, true, bounds, week)
		want := perch.Activity{Kind: perch.ActivityPush, By: "bob", At: noon}
		if c.want != "" {
			want = perch.Activity{Kind: c.want, By: "ana", At: week}
		}
		if diff := cmp.Diff(want, card.Activity); diff != "" {
			t.Errorf("%s: last use (-want +got):\n%s", name, diff)
		}
	}
}
