package reporting

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/contract"
)

// cardAfter returns the card after the inputs.
func cardAfter(inputs ...contract.ReportInput) (card perch.Card) {
	for _, in := range inputs {
		applyInput(&card, in, nil, false, perch.PolicyExpiry{}, noon)
	}
	return card
}

func TestTheCardHasATimelineOfRequestsAndNotes(t *testing.T) {
	later := noon.Add(time.Hour)
	pin := perch.Note{
		ID: "n", Kind: perch.NotePin, By: "ben", Reason: "demo", StackID: "one", Until: noon.Add(time.Minute),
	}
	card := cardAfter(
		contract.ReportInput{StackID: "one", State: said("b", later, 1, perch.PhaseStack, "2")},
		contract.ReportInput{
			Ended: []perch.CardState{*said("a", noon, 2, perch.PhaseSuperseded, "1")},
			State: said("b", later, 2, "", "2"),
		},
		contract.ReportInput{Notes: []perch.Note{pin, pin}},
		contract.ReportInput{State: said("c", noon.Add(-time.Hour), 3, perch.PhaseFailed, "0")},
	)
	var got []string
	for _, entry := range card.Timeline {
		got = append(got, entry.Request+entry.RunID+" "+entry.Outcome)
	}
	if diff := cmp.Diff([]string{"b ", "a superseded", "pin rejected", "c failed"}, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s\n%+v", diff, card.Timeline)
	}
	if card.State.RunID != "b" {
		t.Errorf("a report that arrived late is the card's state: %+v", card.State)
	}
}

func TestTheCardHasTheMessageOfTheCommitThatWasRequestedLast(t *testing.T) {
	up := func(minute int, commit, subject string) contract.ReportInput {
		state := said("a", noon, minute, perch.PhaseStack, commit)
		if state.Goal = perch.GoalUp; subject != "" {
			state.Message = &perch.CommitMessage{Subject: subject}
		}
		return contract.ReportInput{State: state}
	}
	removal := said("a", noon, 9, perch.PhaseRemoving, "")
	removal.Goal = perch.GoalGone
	gone := contract.ReportInput{State: removal}
	for name, test := range map[string]struct {
		inputs []contract.ReportInput
		want   string
	}{
		"known":           {[]contract.ReportInput{up(1, "c1", "Fix login")}, "Fix login"},
		"not asked again": {[]contract.ReportInput{up(1, "c1", "Fix login"), up(2, "c1", "")}, "Fix login"},
		"of another commit": {
			[]contract.ReportInput{up(1, "c1", "Fix login"), up(2, "c2", "Add cart")}, "Add cart",
		},
		"another commit, not known":   {[]contract.ReportInput{up(1, "c1", "Fix login"), up(2, "c2", "")}, ""},
		"a removal has no commit":     {[]contract.ReportInput{up(1, "c1", "Fix login"), gone}, "Fix login"},
		"after a removal, not known":  {[]contract.ReportInput{up(1, "c1", "Fix login"), gone, up(10, "c2", "")}, ""},
		"a source that does not tell": {[]contract.ReportInput{up(1, "c1", "")}, ""},
	} {
		got := ""
		if message := cardAfter(test.inputs...).Message; message != nil {
			got = message.Subject
		}
		if got != test.want {
			t.Errorf("%s: message %q, want %q", name, got, test.want)
		}
	}
}

func TestTheCardHasTheSeedStepsOfTheDeploymentThatBecameReadyLast(t *testing.T) {
	ready := func(minute int, stack, commit string, seeds ...perch.SeedRecord) contract.ReportInput {
		state := said("a", noon, minute, perch.PhaseReady, commit)
		state.Goal, state.Seeds = perch.GoalUp, seeds
		return contract.ReportInput{StackID: stack, State: state}
	}
	media, post := perch.SeedRecord{
		Step: "s3 media", Result: "3 objects",
	}, perch.SeedRecord{Step: "http POST /", Result: "answered 200"}
	first := ready(1, "one", "c1", media, post)
	for name, test := range map[string]struct {
		inputs []contract.ReportInput
		want   []perch.SeedRecord
	}{
		"the first":             {[]contract.ReportInput{first}, first.State.Seeds},
		"the same commit again": {[]contract.ReportInput{first, ready(2, "one", "c1")}, first.State.Seeds},
		"a commit without them": {[]contract.ReportInput{first, ready(2, "one", "c2")}, nil},
		"a failure": {
			[]contract.ReportInput{first, {StackID: "one", State: said("a", noon, 3, perch.PhaseFailed, "c2")}},
			first.State.Seeds,
		},
		"steps that were done before": {
			[]contract.ReportInput{
				first, ready(2, "one", "c2", perch.SeedRecord{Step: "s3 media"}, perch.SeedRecord{Step: "run load"}),
			},
			[]perch.SeedRecord{{Step: "s3 media", Result: "3 objects"}, {Step: "run load", Result: "done before"}},
		},
		"another stack": {
			[]contract.ReportInput{first, ready(2, "two", "c1")}, nil,
		},
	} {
		if diff := cmp.Diff(test.want, cardAfter(test.inputs...).Seeds); diff != "" {
			t.Errorf("%s: seeds (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheLogOfAFailedDeploymentStaysThroughARemoval(t *testing.T) {
	failed := said("a", noon, 1, perch.PhaseFailed, "c1")
	failed.Goal = perch.GoalUp
	gone := said("b", noon.Add(time.Hour), 1, perch.PhaseGone, "")
	gone.Goal = perch.GoalGone
	var card perch.Card
	applyInput(
		&card, contract.ReportInput{State: failed}, &perch.LogLines{Source: "app.log"}, false, perch.PolicyExpiry{},
		noon,
	)
	applyInput(&card, contract.ReportInput{State: gone}, nil, false, perch.PolicyExpiry{}, noon)
	if card.Log == nil || card.Log.Source != "app.log" {
		t.Errorf("log %+v", card.Log)
	}
}
