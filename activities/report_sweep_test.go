package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/lifecycle"
)

func TestTheSweepHasReportsRepairedThatWereNotDelivered(t *testing.T) {
	w := newWorld(t)
	w.apply()
	for branch, undelivered := range map[string]bool{"login": true, "cart": false, "search": true} {
		_, err := of[*Stacks](w).cards.Update(t.Context(), activitytest.Environment(
			"shop", branch,
		), func(c *perch.Card) error {
			c.State = perch.CardState{Phase: perch.PhaseReady, At: time.Now().Add(-time.Hour)}
			c.GitHub.Undelivered = undelivered
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sent := map[string]string{}
	verification := of[*Verification](w)
	verification.send = func(_ context.Context, note perch.Note) error {
		sent[note.Branch] = string(note.Kind) + " by " + note.By
		return errors.New("Temporal does not answer")
	}
	must(w, verification.RecheckLeftovers, perch.CleanupInput{Project: "shop", DryRun: true})
	if len(sent) > 0 {
		t.Errorf("a dry run sent %v", sent)
	}
	must(w, verification.RecheckLeftovers, perch.CleanupInput{Project: "shop"})
	if diff := cmp.Diff(map[string]string{"login": "report by sweep", "search": "report by sweep"}, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// TestTheSweepReportsRunsThatEndedWithoutAReport has runs that were at work an hour ago: one that
// was terminated, one that still is, and one that Temporal cannot describe.
func TestTheSweepReportsRunsThatEndedWithoutAReport(t *testing.T) {
	w := newWorld(t)
	w.apply()
	ago := time.Now().Add(-time.Hour).UTC()
	for _, branch := range []string{"terminated", "working", "unknown", "ready"} {
		_, err := of[*Stacks](w).cards.Update(t.Context(), activitytest.Environment(
			"shop", branch,
		), func(c *perch.Card) error {
			c.State = perch.CardState{
				Goal: perch.GoalUp, Commit: "c1", Phase: perch.PhaseStack, RunID: "run", Begun: ago, At: ago,
			}
			if branch == "ready" {
				c.State.Phase = perch.PhaseReady
			}
			c.GitHub.Undelivered = branch == "terminated" // One note does for both.
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sent, notes := map[string]perch.Note{}, 0
	verification := of[*Verification](w)
	verification.send = func(_ context.Context, note perch.Note) error {
		sent[note.Branch] = note
		notes++
		return nil
	}
	verification.lastEnd = func(
		_ context.Context, workflowID string, request perch.Request,
	) (lifecycle.ClosedRun, bool, error) {
		if request.Commit != "c1" || request.Goal != perch.GoalUp {
			t.Errorf("requested %+v", request)
		}
		switch workflowID {
		case "shop-terminated":
			return lifecycle.ClosedRun{
				RunID: "run", Began: ago, Closed: ago.Add(time.Minute),
				Answer: lifecycle.Answer{Failure: "the run was terminated"},
			}, true, nil
		case "shop-unknown":
			return lifecycle.ClosedRun{}, false, errors.New("Temporal does not answer")
		}
		return lifecycle.ClosedRun{}, false, nil
	}
	must(w, verification.RecheckLeftovers, perch.CleanupInput{Project: "shop"})
	if notes != 1 || sent["terminated"].State == nil || sent["terminated"].State.Phase != perch.PhaseFailed ||
		sent["terminated"].State.Failure != "the run was terminated" {
		t.Errorf("sent %+v", sent)
	}
}

// TestTheSweepReportsRunsThatTheCardsDoNotHave has an environment whose card is lost, one that was
// removed without a report, and one whose run is open.
func TestTheSweepReportsRunsThatTheCardsDoNotHave(t *testing.T) {
	w := newWorld(t)
	w.apply()
	ago := time.Now().Add(-time.Hour).UTC()
	for _, branch := range []string{"removed", "open"} {
		_, err := of[*Stacks](w).cards.Update(t.Context(), activitytest.Environment(
			"shop", branch,
		), func(c *perch.Card) error {
			c.StackID = "stack-1"
			c.State = perch.CardState{
				Goal: perch.GoalUp, Commit: "c1", Phase: perch.PhaseReady, RunID: "run-1", Begun: ago, At: ago,
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	commit := w.repo.commit("lost", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	w.up("lost", commit)
	verification := of[*Verification](w)
	verification.now = func() time.Time { return time.Now().Add(10 * time.Minute) }
	sent := map[string]perch.CardState{}
	verification.send = func(_ context.Context, note perch.Note) error {
		if note.Kind != perch.NoteReport || note.State == nil {
			t.Errorf("sent %+v", note)
			return nil
		}
		sent[note.Branch] = *note.State
		return nil
	}
	verification.lastEnd = func(
		_ context.Context, workflowID string, request perch.Request,
	) (lifecycle.ClosedRun, bool, error) {
		if request.Goal != "" {
			t.Errorf("the answer to %+v was wanted", request)
		}
		run := lifecycle.ClosedRun{RunID: "run-2", Began: ago.Add(time.Minute), Closed: ago.Add(time.Hour)}
		switch workflowID {
		case "shop-removed":
			run.Goal, run.Answer.Result = perch.GoalGone, perch.Result{Goal: perch.GoalGone, Outcome: perch.OutcomeGone}
		case "shop-lost":
			run.Goal, run.Commit = perch.GoalUp, commit
			run.Answer.Result = perch.Result{Goal: perch.GoalUp, Outcome: perch.OutcomeReady, Commit: commit}
		default:
			return lifecycle.ClosedRun{}, false, nil
		}
		return run, true, nil
	}
	must(w, verification.RecheckLeftovers, perch.CleanupInput{Project: "shop"})
	if len(sent) != 2 || sent["removed"].Phase != perch.PhaseGone || sent["lost"].Phase != perch.PhaseReady ||
		sent["lost"].Commit != commit {
		t.Errorf("sent %+v", sent)
	}
	for branch, state := range sent {
		must(w, of[*Reports](w).Report, contract.ReportInput{
			Environment: activitytest.Environment("shop", branch),
			Notes:       []perch.Note{{ID: branch, Kind: perch.NoteReport, State: &state}},
		})
	}
	if card, _ := w.cardOf("lost"); card.State.Phase != perch.PhaseReady || !card.Activity.At.IsZero() {
		t.Errorf("the card that was lost is now %+v", card)
	}
	if _, found := w.cardOf("removed"); found {
		t.Error("the card of the removed environment is still there")
	}
}
