package cloudformation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"
)

func TestDeletionPolicies(t *testing.T) {
	const body = `Resources:
  Kept: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
  Gone: {Type: AWS::SQS::Queue}`
	w := newWorld(t)
	id := w.create("shop-a", body)
	w.reach(id, "CREATE_COMPLETE")
	_ = w.delete(id)
	w.reach(id, "DELETE_COMPLETE")
	if kept, gone := w.status(id, "Kept"), w.status(id, "Gone"); kept != "DELETE_SKIPPED" || gone != "DELETE_COMPLETE" {
		t.Errorf("kept is %s, gone is %s", kept, gone)
	}
	if left := w.things.ids(); len(left) != 1 || !strings.HasPrefix(left[0], "shop-a-kept-") {
		t.Errorf("left: %v", left)
	}
}

func TestRemovedResourcesGoAfterTheUpdate(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", chain)
	w.reach(id, "CREATE_COMPLETE")
	if err := w.update(id, simple); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_COMPLETE")
	events := w.events(id)
	at := slices.Index(events, "shop-a UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
	if diff := cmp.Diff([]string{
		"Bucket DELETE_IN_PROGRESS", "Bucket DELETE_COMPLETE", "Topic DELETE_IN_PROGRESS", "Topic DELETE_COMPLETE",
	}, events[at+1:at+5]); diff != "" {
		t.Error(diff)
	}
	if got := w.status(id, "Topic"); got != "" {
		t.Errorf("the removed topic is still listed: %s", got)
	}
}

func TestLeftoversOfAnUpdateAreOrphaned(t *testing.T) {
	w := newWorld(t)
	w.things.block("old", notEmpty)
	id := w.create("shop-a", strings.Replace(bucket, "NAME", "old", 1))
	w.reach(id, "CREATE_COMPLETE")
	if err := w.update(id, strings.Replace(bucket, "NAME", "new", 1)); err != nil {
		t.Fatal(err)
	}
	stack := w.reach(id, "UPDATE_COMPLETE")
	if got := aws.ToString(
		stack.StackStatusReason,
	); got != "Update successful. One or more resources could not be deleted." {
		t.Errorf("reason = %q", got)
	}
	trials := 0
	for _, e := range w.events(id) {
		if strings.HasPrefix(e, "Bucket DELETE_FAILED") {
			trials++
		}
	}
	if trials != 3 {
		t.Errorf("tried %d times, want 3", trials)
	}
}

func TestAReplacedDatabaseLeavesASnapshotOnlyWhereItsPolicyAsks(t *testing.T) {
	for policies, want := range map[string]int{
		"": 0, "UpdateReplacePolicy: Snapshot, ": 1, "DeletionPolicy: Snapshot, ": 0,
	} {
		w := newWorld(t)
		body := "Resources: {Database: {Type: AWS::RDS::DBInstance, " + policies + "Properties: {DBName: old}}}"
		id := w.create("shop-a", body)
		w.reach(id, "CREATE_COMPLETE")
		if err := w.update(id, strings.Replace(body, "old", "new", 1)); err != nil {
			t.Fatal(err)
		}
		w.reach(id, "UPDATE_COMPLETE")
		if got := w.things.snapshots; got != want || len(w.things.ids()) != 1 {
			t.Errorf("%q: %d snapshots, want %d; there are %v", policies, got, want, w.things.ids())
		}
	}
}

func TestRollbackThatFailsCanBeContinued(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", chain)
	w.reach(id, "CREATE_COMPLETE")
	release := w.faults.hang("Queue update")
	body := strings.Replace(chain, "DelaySeconds: 0", "DelaySeconds: 5", 1)
	if err := w.update(id, body); err != nil {
		t.Fatal(err)
	}
	w.until("the queue is on its way", func() bool { return w.status(id, "Queue") == "UPDATE_IN_PROGRESS" })
	w.faults.fail("Queue update", "no way back")
	if _, err := w.client.CancelUpdateStack(t.Context(), &api.CancelUpdateStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	release()
	w.reach(id, "UPDATE_ROLLBACK_FAILED")
	w.faults.heal()
	if _, err := w.client.ContinueUpdateRollback(
		t.Context(), &api.ContinueUpdateRollbackInput{StackName: &id},
	); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_ROLLBACK_COMPLETE")
	if err := w.delete(id); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "DELETE_COMPLETE")
	if left := w.things.ids(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestUpdateWithoutRollbackStopsWhereItFailed(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", chain)
	w.reach(id, "CREATE_COMPLETE")
	w.faults.fail("Queue update", "not now")
	body := strings.Replace(chain, "DelaySeconds: 0", "DelaySeconds: 5", 1)
	if _, err := w.client.UpdateStack(
		t.Context(), &api.UpdateStackInput{StackName: &id, TemplateBody: &body, DisableRollback: aws.Bool(true)},
	); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_FAILED")
	w.faults.heal()
	if _, err := w.client.RollbackStack(t.Context(), &api.RollbackStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_ROLLBACK_COMPLETE")
}
