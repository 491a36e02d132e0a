package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
)

func aNote(id string) perch.Note {
	return perch.Note{ID: id, Kind: perch.NoteReport, Project: "shop", Branch: "login", By: "sweep"}
}

// told are the phases that were reported, with the commit.
func (w *world) told() []string {
	var phases []string
	for _, report := range w.reported() {
		if report.State != nil {
			phases = append(
				phases, strings.TrimSpace(string(report.State.Phase)+" "+perch.ShortCommit(report.State.Commit)),
			)
		}
	}
	return phases
}

func (w *world) taken() []string {
	var ids []string
	for _, report := range w.reported() {
		for _, note := range report.Notes {
			ids = append(ids, note.ID)
		}
	}
	return ids
}

func TestReportsTellWhereARunChangesItsPhase(t *testing.T) {
	first := up(commitOne)
	first.By, first.Reason = "ci", "push"
	w := newWorld(t)
	w.admitted.Foreseen = &contract.Foreseen{
		ExpectedSeconds: 600, USDPerDay: 1.5, Settings: []perch.SettingDifference{{Path: "instance_type"}},
		Muted: perch.MutedReports{Status: true},
	}
	if _, _, err := w.run(Provision, first); err != nil {
		t.Fatal(err)
	}
	if want := []string{"stack 1111111", "ready 1111111"}; !slices.Equal(w.told(), want) {
		t.Errorf("told %q, want %q", w.told(), want)
	}
	if len(w.waits) != 1 || w.waits[0].ExpectedSeconds != 600 {
		t.Errorf("the run waited with %+v", w.waits)
	}
	last := w.reported()[len(w.reported())-1]
	state := last.State
	if state.ExpectedSeconds != 600 || state.USDPerDay != 1.5 || len(state.Settings) != 1 || !state.Muted.Status {
		t.Errorf("of what was foreseen the last report has %+v", state)
	}
	if last.StackID != stackID || state.Outcome != perch.OutcomeReady || state.URL == "" ||
		state.Kind != perch.KindBranch ||
		state.By != "ci" || state.Reason != "push" || state.RunID == "" || state.At.Before(state.Begun) {
		t.Errorf("the last report is %+v", state)
	}
}

func TestReportsTellThatAnEnvironmentIsGoneOrWhatFailed(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "old")
	if _, _, err := w.run(Teardown, gone()); err != nil {
		t.Fatal(err)
	}
	if want := []string{
		"removing", "gone",
	}; !slices.Equal(w.told(), want) || !w.reported()[1].Removed || w.reported()[0].Removed {
		t.Errorf("told %q, want %q; the reports are %+v", w.told(), want, w.reported())
	}
	w = newWorld(t)
	w.fails["AwaitReady"] = failed("no answer")
	_, _, err := w.run(Provision, up(commitOne))
	if last := w.reported()[len(w.reported())-1].State; err == nil || last.Phase != perch.PhaseFailed ||
		last.Failure != "no answer" {
		t.Errorf("%v; told %+v", err, last)
	}
}

func TestReportsOfARejectedRemovalLeaveTheEnvironmentsStateAsItIs(t *testing.T) {
	w := rejecting(t)
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeRejected || len(w.reported()) != 0 {
		t.Errorf("result %+v, %v; told %+v", result, err, w.reported())
	}
}

func TestReportsThatFailChangeNothing(t *testing.T) {
	w := newWorld(t)
	w.unreported = 1000
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || len(result.Warnings) != 0 {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestReportsOfSupersededRequestsAreToldByTheNextRun(t *testing.T) {
	w := newWorld(t)
	w.during["AwaitStack"] = func() { w.ask(up(commitTwo)) }
	_, next, err := w.goOn(Provision, perch.RunInput{Request: request(up(commitOne))})
	if err != nil || next == nil || len(next.Unreported) != 1 {
		t.Fatalf("handed on %+v, %v", next, err)
	}
	if ended := next.Unreported[0]; ended.Commit != commitOne || ended.Phase != perch.PhaseSuperseded ||
		ended.SupersededBy != commitTwo {
		t.Errorf("the superseded request ends with %+v", ended)
	}
	w = newWorld(t)
	if _, _, err := w.goOn(Provision, *next); err != nil {
		t.Fatal(err)
	}
	if first := w.reported()[0]; len(first.Ended) != 1 || first.Ended[0].Commit != commitOne ||
		first.State.Commit != commitTwo {
		t.Errorf("the next run's first report is %+v", first)
	}
	if last := w.reported()[len(w.reported())-1]; len(last.Ended) != 0 {
		t.Errorf("told again: %+v", last.Ended)
	}
}

func TestReportsOfARequestThatIsOlderThanTheHeadLeaveTheEnvironmentsStateAsItIs(t *testing.T) {
	w := notHead(t)
	w.admitted.Deploy = false
	if _, _, err := w.run(Provision, up(commitOne)); err != nil {
		t.Fatal(err)
	}
	if len(w.reported()) != 1 || w.reported()[0].State != nil || len(w.reported()[0].Ended) != 1 ||
		w.reported()[0].Ended[0].SupersededBy != commitTwo {
		t.Errorf("told %+v", w.reported())
	}
}

func TestReportsOfACommitThatIsDeployedAgainAreNotToldAsSuperseded(t *testing.T) {
	w := newWorld(t)
	in := perch.RunInput{
		Request:    request(up(commitOne)),
		Unreported: []perch.CardState{{Goal: perch.GoalUp, Commit: commitOne, Phase: perch.PhaseSuperseded}},
	}
	if _, _, err := w.goOn(Provision, in); err != nil {
		t.Fatal(err)
	}
	for _, report := range w.reported() {
		if len(report.Ended) != 0 {
			t.Errorf("told %+v", report.Ended)
		}
	}
}

func TestReportsCarriedAlongAreBounded(t *testing.T) {
	w := newWorld(t)
	in := perch.RunInput{Request: request(up(commitOne))}
	for i := range 3 * maxUnreported {
		in.Unreported = append(in.Unreported, perch.CardState{Commit: fmt.Sprint(i)})
	}
	w.during["Admit"] = func() { w.ask(up(commitTwo)) }
	_, next, err := w.goOn(Provision, in)
	if err != nil || next == nil || len(next.Unreported) != maxUnreported ||
		next.Unreported[maxUnreported-1].Commit != commitOne {
		t.Errorf("handed on %+v, %v", next, err)
	}
}

// TestNotesSupersedeNothing sends notes to a run at work: it goes on, and enters each note once.
func TestNotesSupersedeNothing(t *testing.T) {
	for name, at := range map[string]string{
		"early": "Admit", "while the stack is created": "AwaitStack", "late": "AwaitReady",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.during[at] = func() {
				w.env.SignalWorkflow(perch.SignalNote, aNote("a"))
				w.env.SignalWorkflow(perch.SignalNote, aNote("b"))
				w.env.SignalWorkflow(perch.SignalNote, aNote("b"))
			}
			result, next, err := w.run(Provision, up(commitOne))
			if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
				t.Errorf("result %+v, handed on %+v, %v", result, next, err)
			}
			if want := []string{"a", "b"}; !slices.Equal(w.taken(), want) {
				t.Errorf("took %q, want %q", w.taken(), want)
			}
		})
	}
}

func TestInvalidNotesAndNotesForAnotherEnvironmentAreIgnored(t *testing.T) {
	w := newWorld(t)
	other := aNote("other")
	other.Branch = "elsewhere"
	w.during["Admit"] = func() {
		for _, signal := range []any{"text", 7, nil, other, aNote("a")} {
			w.env.SignalWorkflow(perch.SignalNote, signal)
		}
	}
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || !slices.Equal(w.taken(), []string{"a"}) {
		t.Errorf("result %+v, took %q, %v", result, w.taken(), err)
	}
}

// TestNotesAreEnteredBeforeARunEnds lets notes arrive during the last report, again and again. The
// first arrives twice.
func TestNotesAreEnteredBeforeARunEnds(t *testing.T) {
	w := newWorld(t)
	sent := 0
	w.during["Report"] = func() {
		if sent++; sent <= 5 {
			w.env.SignalWorkflow(perch.SignalNote, aNote(fmt.Sprint(sent)))
			w.env.SignalWorkflow(perch.SignalNote, aNote("1"))
		}
	}
	if _, _, err := w.run(Provision, up(commitOne)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1", "2", "3", "4", "5"}; !slices.Equal(w.taken(), want) {
		t.Errorf("took %q, want %q", w.taken(), want)
	}
}

func TestNotesSurviveContinueAsNew(t *testing.T) {
	w := newWorld(t)
	w.during["AwaitStack"] = func() {
		w.ask(up(commitTwo))
		w.env.SignalWorkflow(perch.SignalNote, aNote("a"))
	}
	_, next, err := w.goOn(Provision, perch.RunInput{Request: request(up(commitOne))})
	if err != nil || next == nil {
		t.Fatalf("handed on %+v, %v", next, err)
	}
	before := w.taken()
	w = newWorld(t)
	if _, _, err := w.goOn(Provision, *next); err != nil {
		t.Fatal(err)
	}
	if taken := append(before, w.taken()...); !slices.Contains(taken, "a") {
		t.Errorf("took %q", taken)
	}
}

// TestNotesOfACancelledRunAreEntered cancels runs that have just taken notes.
func TestNotesOfACancelledRunAreEntered(t *testing.T) {
	w := newWorld(t)
	w.during["AwaitStack"] = func() {
		w.env.SignalWorkflow(perch.SignalNote, aNote("a"))
		w.env.CancelWorkflow()
	}
	_, _, err := w.run(Provision, up(commitOne))
	if told := w.told(); !temporal.IsCanceledError(err) || !slices.Contains(w.taken(), "a") ||
		told[len(told)-1] != "failed 1111111" {
		t.Errorf("cancelled run: %v; took %q, told %q", err, w.taken(), told)
	}
	w = newWorld(t)
	w.during["Report"] = func() {
		if len(w.taken()) < 2 {
			w.env.SignalWorkflow(perch.SignalNote, aNote("b"))
			w.env.CancelWorkflow()
		}
	}
	if err = w.runNote(perch.RunInput{Notes: []perch.Note{aNote("a")}}); !temporal.IsCanceledError(err) ||
		!slices.Equal(w.taken(), []string{"a", "b"}) {
		t.Errorf("cancelled run of notes: %v; took %q", err, w.taken())
	}
}

func TestNotesThatCannotBeEnteredAreSaid(t *testing.T) {
	w := newWorld(t)
	w.unreported = 1000
	w.during["AwaitStack"] = func() { w.env.SignalWorkflow(perch.SignalNote, aNote("a")) }
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || len(result.Warnings) != 1 ||
		!strings.Contains(result.Warnings[0], "by sweep could not be entered") {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestNotesAreTakenByAShortRunWhereNoOtherIsOpen(t *testing.T) {
	w := newWorld(t)
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(perch.SignalNote, aNote("a")) }, 0)
	if err := w.runNote(perch.RunInput{}); err != nil {
		t.Fatal(err)
	}
	if len(w.reported()) != 1 || w.reported()[0].State != nil || w.reported()[0].Environment.Branch != "login" ||
		!slices.Equal(w.taken(), []string{"a"}) {
		t.Errorf("told %+v", w.reported())
	}
}

func TestNotesThatAShortRunCannotEnterFailIt(t *testing.T) {
	w := newWorld(t)
	w.unreported = 1000
	err := w.runNote(perch.RunInput{Notes: []perch.Note{aNote("a")}})
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != perch.ErrorNoteFailed ||
		!strings.Contains(failure.Message(), "S3 does not answer") {
		t.Errorf("fails with %v", err)
	}
}

// TestNotesRunHandsRequestsOn sends requests to a run that takes notes: the newest is in force.
func TestNotesRunHandsRequestsOn(t *testing.T) {
	judged := gone()
	judged.Judged = &perch.Judgement{StackID: stackID}
	for name, test := range map[string]struct {
		asked []perch.Request
		want  perch.Request
	}{
		"an up":              {[]perch.Request{up(commitOne)}, up(commitOne)},
		"a removal":          {[]perch.Request{gone()}, gone()},
		"one of cleanup's":   {[]perch.Request{judged}, judged},
		"two":                {[]perch.Request{up(commitOne), up(commitTwo)}, up(commitTwo)},
		"cleanup, then a up": {[]perch.Request{judged, up(commitOne)}, up(commitOne)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.env.RegisterDelayedCallback(func() {
				for _, request := range test.asked {
					w.ask(request)
				}
				w.env.SignalWorkflow(perch.SignalNote, aNote("late"))
			}, 0)
			next := handedOn(t, w.runNote(perch.RunInput{Notes: []perch.Note{aNote("a")}}))
			if next == nil || next.Request.ID != test.want.ID || next.Request.Commit != test.want.Commit {
				t.Fatalf("handed on %+v", next)
			}
			if ids := noteIDs(next.Notes); !slices.Contains(ids, "late") && !slices.Contains(w.taken(), "late") {
				t.Errorf("handed on notes %q, took %q", ids, w.taken())
			}
		})
	}
}

func TestNotesRunWithoutAnEnvironmentFails(t *testing.T) {
	w := newWorld(t)
	w.env.ExecuteWorkflow(Note, perch.RunInput{})
	var failure *temporal.ApplicationError
	if err := w.env.GetWorkflowError(); !errors.As(err, &failure) || failure.Type() != perch.ErrorInvalid {
		t.Errorf("fails with %v", err)
	}
}

func TestNotesRunStartsAgainBeforeItsHistoryIsTooLong(t *testing.T) {
	w := newWorld(t)
	w.env.SetContinueAsNewSuggested(true)
	next, ok := asContinueAsNew(w.runNote(perch.RunInput{Notes: []perch.Note{aNote("a")}}))
	if !ok || next.WorkflowType.Name != perch.WorkflowNote {
		t.Fatalf("went on with %+v", next)
	}
}

func (w *world) runNote(in perch.RunInput) error {
	w.t.Helper()
	in.Environment = activitytest.Environment("shop", "login")
	w.env.ExecuteWorkflow(Note, in)
	if !w.env.IsWorkflowCompleted() {
		w.t.Fatal("the run did not end")
	}
	return w.env.GetWorkflowError()
}

func noteIDs(notes []perch.Note) []string {
	var ids []string
	for _, note := range notes {
		ids = append(ids, note.ID)
	}
	return ids
}

func request(r perch.Request) *perch.Request { return &r }
