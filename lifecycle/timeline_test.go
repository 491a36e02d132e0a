package lifecycle

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"perch"
)

// said returns the state that a run reports at a minute of a day.
func said(run string, begun, at int, phase perch.Phase, outcome perch.Outcome) perch.CardState {
	return perch.CardState{
		Goal: perch.GoalUp, Commit: "c-" + run, By: "ana", Reason: "push", RunID: run, Phase: phase, Outcome: outcome,
		Begun: minuteOf(begun), At: minuteOf(at),
	}
}

func minuteOf(minute int) time.Time { return time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC) }

// timelineOf formats the timeline in one line: run, minutes and outcome of each entry.
func timelineOf(card perch.Card) string {
	var words []string
	for _, e := range card.Timeline {
		ended := "now"
		if !e.Ended.IsZero() {
			ended = fmt.Sprint(e.Ended.Minute())
		}
		word := fmt.Sprintf("%s%s %d-%s %s", e.RunID, e.By, e.Begun.Minute(), ended, e.Outcome)
		words = append(words, strings.TrimSpace(word))
	}
	return strings.Join(words, ", ")
}

func TestATimelineHasAnEntryForEachRun(t *testing.T) {
	first, second := said("1", 0, 1, perch.PhaseStack, ""), said("2", 5, 6, perch.PhaseStack, "")
	ready, failed := said("1", 0, 4, perch.PhaseReady, perch.OutcomeReady), said("2", 5, 9, perch.PhaseFailed, "")
	superseded := said("1", 0, 5, perch.PhaseSuperseded, "")
	for name, test := range map[string]struct {
		states []perch.CardState
		want   string
	}{
		"a run at work":              {[]perch.CardState{first}, "1ana 0-now"},
		"its end":                    {[]perch.CardState{first, ready}, "1ana 0-4 ready"},
		"a report that is repeated":  {[]perch.CardState{first, ready, ready}, "1ana 0-4 ready"},
		"a report that arrives late": {[]perch.CardState{ready, first}, "1ana 0-4 ready"},
		"the next run is first":      {[]perch.CardState{ready, second}, "2ana 5-now, 1ana 0-4 ready"},
		"a failure":                  {[]perch.CardState{ready, failed}, "2ana 5-9 failed, 1ana 0-4 ready"},
		"an older run arrives late":  {[]perch.CardState{second, ready}, "2ana 5-now, 1ana 0-4 ready"},
		"superseded": {
			[]perch.CardState{first, superseded, second}, "2ana 5-now, 1ana 0-5 superseded",
		},
		"an end that was never reported":    {[]perch.CardState{first, second}, "2ana 5-now, 1ana 0-5 superseded"},
		"an end that is reported afterward": {[]perch.CardState{first, second, ready}, "2ana 5-now, 1ana 0-4 ready"},
		"a state without a run":             {[]perch.CardState{{Phase: perch.PhaseReady}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var card perch.Card
			for _, state := range test.states {
				EnterRequest(&card, state)
			}
			if got := timelineOf(card); got != test.want {
				t.Errorf("timeline %q, want %q", got, test.want)
			}
		})
	}
}

func TestATimelineIsBoundedAndItsSentencesAreShort(t *testing.T) {
	var card perch.Card
	for i := range 70 {
		state := said(fmt.Sprint("run", i), 0, 0, perch.PhaseFailed, "")
		state.Begun, state.Failure = minuteOf(i), strings.Repeat("x", 1000)
		EnterRequest(&card, state)
	}
	if len(card.Timeline) != 50 || card.Timeline[0].RunID != "run69" || len([]rune(card.Timeline[0].Sentence)) != 300 {
		t.Errorf("%d entries, the first %+v", len(card.Timeline), card.Timeline[0])
	}
}

func TestNotesAreInTheTimeline(t *testing.T) {
	card := perch.Card{}
	EnterRequest(&card, said("1", 0, 1, perch.PhaseStack, ""))
	EnterNote(&card, perch.Note{Kind: perch.NotePin, By: "ben", Reason: "demo"}, "", minuteOf(2))
	EnterNote(&card, perch.Note{Kind: perch.NoteUnpin, By: "cy"}, "branch x is not pinned", minuteOf(3))
	EnterRequest(&card, said("1", 0, 4, perch.PhaseReady, perch.OutcomeReady))
	if got, want := timelineOf(card), "cy 3-3 rejected, ben 2-2, 1ana 0-4 ready"; got != want {
		t.Errorf("timeline %q, want %q", got, want)
	}
	pin, unpin := card.Timeline[1], card.Timeline[0]
	if pin.Request != "pin" || pin.Reason != "demo" || unpin.Sentence != "branch x is not pinned" {
		t.Errorf("timeline %+v", card.Timeline)
	}
}

func TestALifeThatAnotherStackReplaces(t *testing.T) {
	removal := func(run string, phase perch.Phase, outcome perch.Outcome) perch.CardState {
		state := said(run, 5, 9, phase, outcome)
		state.Goal, state.Commit, state.By, state.Reason = perch.GoalGone, "", "ben", "perch down"
		return state
	}
	ready := said("1", 0, 4, perch.PhaseReady, perch.OutcomeReady)
	newer := said("3", 10, 20, perch.PhaseReady, perch.OutcomeReady)
	for name, test := range map[string]struct {
		before []perch.CardState
		stack  string
		want   string
	}{
		"the same stack": {[]perch.CardState{ready}, "arn:one", ""},
		"no stack yet":   {[]perch.CardState{ready}, "", ""},
		"created again":  {[]perch.CardState{ready}, "arn:two", "up by ana: created again: push at 10"},
		"after a removal that failed": {
			[]perch.CardState{ready, removal("2", perch.PhaseFailed, "")}, "arn:two", "gone by ben: perch down at 9",
		},
		"after a removal that is over": {
			[]perch.CardState{ready, removal("2", perch.PhaseGone, perch.OutcomeGone)}, "arn:two", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			card := perch.Card{StackID: "arn:one", Since: minuteOf(0)}
			for _, state := range append(test.before, newer) {
				EnterRequest(&card, state)
			}
			got := ""
			if last, ended := ReplacedLife(card, test.stack, newer); ended {
				life := PastLife(last)
				got = fmt.Sprintf("%s by %s: %s at %d", last.State.Goal, life.By, life.Reason, life.Ended.Minute())
			}
			if got != test.want {
				t.Errorf("life %q, want %q", got, test.want)
			}
		})
	}
}

func TestAPastLifeSaysWhyItEndedAndWhatItCost(t *testing.T) {
	card := perch.Card{StackID: "arn:one", Since: minuteOf(0).Add(-24 * time.Hour), USDPerDay: 2}
	card.Environment.Branch, card.Environment.Slug = "login", "login"
	EnterRequest(&card, said("1", 0, 1, perch.PhaseReady, perch.OutcomeReady))
	card.State = perch.CardState{
		Goal: perch.GoalGone, By: "cleanup", Reason: "branch login is gone",
		Phase: perch.PhaseGone, Outcome: perch.OutcomeGone,
		RunID: "2", Begun: minuteOf(0), At: minuteOf(0),
	}
	EnterRequest(&card, card.State)
	past := PastLife(card)
	if past.Branch != "login" || past.Commit != "c-1" || past.By != "cleanup" ||
		past.Reason != "branch login is gone" ||
		past.USD != 2 || !past.Ended.Equal(minuteOf(0)) || len(past.Timeline) != 2 ||
		past.Leftovers == nil || past.PullRequests == nil {
		t.Errorf("life %+v", past)
	}
	card.Removals = []perch.Removal{
		{StackID: "arn:one", Leftovers: []string{"bucket b"}}, {StackID: "arn:two", Leftovers: []string{"x"}},
	}
	if past := PastLife(card); len(past.Leftovers) != 1 || past.Leftovers[0].Resources[0] != "bucket b" {
		t.Errorf("leftovers %+v", past.Leftovers)
	}
	card.State.Goal, card.State.Reason, card.Timeline = perch.GoalUp, "perch up", nil
	if past := PastLife(card); past.Reason != "created again: perch up" || len(past.Timeline) != 1 {
		t.Errorf("life of a stack that was created again %+v", past)
	}
}

func TestWhatIsRememberedOfARequestIsShort(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	card := perch.Card{StackID: "arn:1", State: perch.CardState{
		Goal: perch.GoalGone, Phase: perch.PhaseGone, By: long, Reason: long, Commit: long, Sentence: long,
	}}
	EnterNote(&card, perch.Note{Kind: perch.NotePin, By: long, Reason: long}, long, time.Now())
	card.Timeline = append(card.Timeline, entryOf(card.State))
	past := PastLife(card)
	past.PullRequests = nil
	written, err := json.Marshal(past)
	if err != nil || len(written) > 5000 {
		t.Errorf("the record has %d bytes, %v", len(written), err)
	}
}
