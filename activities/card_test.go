package activities

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

// said has the card of branch login say something.
func (w *world) said(state perch.CardState) {
	w.t.Helper()
	_, err := of[*Stacks](w).cards.Update(w.t.Context(), activitytest.Environment("shop", "login"), func(c *perch.Card) error {
		c.State = state
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// card is the card of branch login.
func (w *world) card() (perch.Card, bool) {
	w.t.Helper()
	card, found, err := of[*Stacks](w).cards.Read(w.t.Context(), activitytest.Environment("shop", "login"))
	if err != nil {
		w.t.Fatal(err)
	}
	return card, found
}

func TestADeletionDoesNotBeginBeforeTheCardSaysWhatTheStackHolds(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id := w.templated(bucketTemplate("one"))
	in := contract.PrepareInput{Environment: activitytest.Environment("shop", "login"), StackID: id}
	fault := aws.Fault{Service: "s3", Action: "PutObject", Contains: "cards/login.json"}
	fault.Status, fault.Code = http.StatusForbidden, "AccessDenied"
	if _, err := w.aws.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	_, err := activitytest.Try(of[*Deletions](w).PrepareDeletion, in)
	activitytest.WantFinal(t, err, perch.ErrorDenied, "write card cards/login.json", "s3:PutObject")
	w.aws.DeleteFault("")
	fault.Status, fault.Code = http.StatusConflict, "ConditionalRequestConflict"
	if _, err := w.aws.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	_, err = activitytest.Try(of[*Deletions](w).PrepareDeletion, in)
	activitytest.WantRetry(t, err, "write card cards/login.json", "ConditionalRequestConflict")
	if _, found := w.card(); found {
		t.Error("there is a card")
	}
}

func TestTheCardOfARemovedEnvironmentStaysOnlyIfItSaysMore(t *testing.T) {
	for name, said := range map[string]bool{"blank": false, "told": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.apply()
			id := w.templated(bucketTemplate("one"))
			w.prepare(id, false)
			if said {
				w.said(perch.CardState{Goal: perch.GoalGone, Phase: perch.PhaseRemoving})
			}
			if card, found := w.card(); !found || len(card.Removals) != 1 {
				t.Fatalf("before the deletion: %+v", card)
			}
			w.delete(id, nil)
			in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), StackID: id}
			if out := must(w, of[*Verification](w).VerifyGone, in); len(out.Leftovers) > 0 {
				t.Fatalf("left %q", out.Leftovers)
			}
			if card, found := w.card(); found != said || len(card.Removals) != 0 {
				t.Errorf("afterwards: found %t, %+v", found, card)
			}
		})
	}
}

func TestCleanupDeletesTheCardOfAFailedRemovalWhenNothingIsLeft(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id, bucket := failedDeletion(t, w)
	w.prepare(id, false)
	w.delete(id, []string{"Files"})
	in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Swept: true}
	if out := must(w, of[*Verification](w).VerifyGone, in); len(out.Leftovers) != 1 {
		t.Fatalf("left %q", out.Leftovers)
	}
	w.said(perch.CardState{Goal: perch.GoalGone, Phase: perch.PhaseFailed})
	if _, err := w.s3().DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	if still := must(w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"}); len(still.Failed) != 0 {
		t.Errorf("cleanup still hears %+v", still)
	}
	if card, found := w.card(); found {
		t.Errorf("the card is there: %+v", card)
	}
}
