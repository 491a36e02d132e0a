package activities

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

// failedRemoval is the removal of branch login, which left a bucket and has said so.
func failedRemoval(t *testing.T, w *world) (stackID, bucket string) {
	t.Helper()
	id, bucket := failedDeletion(t, w)
	w.prepare(id, false)
	w.delete(id, []string{"Files"})
	in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Swept: true}
	if out := must(w, of[*Verification](w).VerifyGone, in); len(out.Leftovers) != 1 {
		t.Fatalf("left %q", out.Leftovers)
	}
	failed := reportIn("login", perch.PhaseFailed)
	failed.State.Begun = time.Now().Add(-time.Hour).UTC()
	failed.State.At = failed.State.Begun
	failed.StackID, failed.State.Goal, failed.State.Reason = id, perch.GoalGone, "the branch is deleted"
	failed.State.Failure = "this is still there: " + bucket
	must(w, of[*Reports](w).Report, failed)
	return id, bucket
}

func (w *world) deleteBucket(name string) {
	w.t.Helper()
	if _, err := w.s3().DeleteBucket(w.t.Context(), &s3.DeleteBucketInput{Bucket: &name}); err != nil {
		w.t.Fatal(err)
	}
}

// recheck is what cleanup says of earlier removals.
func (w *world) recheck() []perch.CleanupFailure {
	w.t.Helper()
	return must(w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"}).Failed
}

func TestAFailedRemovalIsReportedAsDoneOnceNothingIsLeft(t *testing.T) {
	w := newWorld(t)
	w.apply()
	channel := &announcer{}
	w.fill(w.set.branches.Source, channel)
	id, bucket := failedRemoval(t, w)
	verification := of[*Verification](w)
	take, sent := verification.send, []string{}
	verification.send = func(_ context.Context, note perch.Note) error {
		sent = append(sent, string(note.Kind)+" by "+note.By)
		return errors.New("Temporal does not answer")
	}
	if still := w.recheck(); len(still) != 1 || len(sent) > 0 {
		t.Errorf("while the bucket is there: cleanup finds %+v, and sent %q", still, sent)
	}
	w.deleteBucket(bucket)
	if still := w.recheck(); len(still) > 0 {
		t.Errorf("cleanup still finds %+v", still)
	}
	if diff := cmp.Diff([]string{"leftovers by cleanup"}, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if read, _ := w.cardOf("login"); len(read.Removals) != 1 || read.State.Phase != perch.PhaseFailed {
		t.Errorf("cleanup itself has changed the card to %+v", read)
	}
	verification.send = take
	w.recheck()
	if read, found := w.cardOf("login"); found {
		t.Errorf("the card is there: %+v", read)
	}
	life, found := w.historyOf("login", id[strings.LastIndex(id, "/")+1:])
	if !found || life.State.Phase != perch.PhaseGone || life.State.Failure != "" ||
		life.State.Reason != "the branch is deleted" {
		t.Errorf("the history is %+v", life)
	}
	if diff := cmp.Diff([]string{"failed", "gone"}, channel.phases); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestARemovalIsNotDoneWhileSomethingIsLeft has the card of a removal that failed without a record:
// only a look says whether the environment is gone.
func TestARemovalIsNotDoneWhileSomethingIsLeft(t *testing.T) {
	w := newWorld(t)
	w.apply()
	_, bucket := failedRemoval(t, w)
	forget := func(c *perch.Card) error { c.Removals = nil; return nil }
	if _, err := of[*Stacks](w).cards.Update(
		t.Context(), activitytest.Environment("shop", "login"), forget,
	); err != nil {
		t.Fatal(err)
	}
	w.recheck()
	if read, found := w.cardOf("login"); !found || read.State.Phase != perch.PhaseFailed {
		t.Errorf("while bucket %s is there: found %t, card %+v", bucket, found, read)
	}
	w.deleteBucket(bucket)
	w.recheck()
	if read, found := w.cardOf("login"); found {
		t.Errorf("the card is there: %+v", read)
	}
}

// TestALookForLeftoversThatFailsDelaysNoReport has a run take the note together with what it says
// itself.
func TestALookForLeftoversThatFailsDelaysNoReport(t *testing.T) {
	w := newWorld(t)
	w.apply()
	_, bucket := failedRemoval(t, w)
	w.fault(aws.Fault{Service: "tagging", Action: "GetResources", Status: http.StatusForbidden, Code: "AccessDenied"})
	in := reportIn("login", perch.PhaseStack)
	in.State.RunID, in.State.Begun = "next", time.Now().UTC()
	in.Notes = []perch.Note{{ID: "n", Kind: perch.NoteLeftovers}}
	out := must(w, of[*Reports](w).Report, in)
	if len(out.Problems) != 1 || !strings.HasPrefix(out.Problems[0], "look for leftovers of branch login: ") {
		t.Errorf("problems %q", out.Problems)
	}
	if read, _ := w.cardOf("login"); read.State.Phase != perch.PhaseStack || len(read.Removals) != 1 {
		t.Errorf("while bucket %s is there: card %+v", bucket, read)
	}
}
