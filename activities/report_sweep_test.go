package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
)

func TestTheSweepHasReportsRepairedThatWereNotDelivered(t *testing.T) {
	w := newWorld(t)
	w.apply()
	for branch, undelivered := range map[string]bool{"login": true, "cart": false, "search": true} {
		_, err := of[*Stacks](w).cards.Update(t.Context(), activitytest.Environment("shop", branch), func(c *perch.Card) error {
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
