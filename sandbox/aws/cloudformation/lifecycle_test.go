package cloudformation_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws/resource"
)

const chain = `
Description: a queue, then a topic, then a bucket
Resources:
  Bucket: {Type: AWS::S3::Bucket, DependsOn: Topic}
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "for ${Queue} in ${AWS::Region}"}}
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 0}}
Outputs:
  Topic: {Value: !GetAtt Topic.Arn, Description: the topic}
`

func TestCreateFollowsDependencies(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", chain)
	stack := w.reach("shop-a", "CREATE_COMPLETE")
	want := []string{
		"shop-a CREATE_IN_PROGRESS User Initiated",
		"Queue CREATE_IN_PROGRESS", "Queue CREATE_IN_PROGRESS Resource creation Initiated", "Queue CREATE_COMPLETE",
		"Topic CREATE_IN_PROGRESS", "Topic CREATE_IN_PROGRESS Resource creation Initiated", "Topic CREATE_COMPLETE",
		"Bucket CREATE_IN_PROGRESS", "Bucket CREATE_IN_PROGRESS Resource creation Initiated", "Bucket CREATE_COMPLETE",
		"shop-a CREATE_COMPLETE",
	}
	if diff := cmp.Diff(want, w.events(id)); diff != "" {
		t.Error(diff)
	}
	if got := aws.ToString(stack.Outputs[0].OutputValue); !strings.HasPrefix(got, "arn:thing:shop-a-topic-") {
		t.Errorf("output = %q", got)
	}
	if got := aws.ToString(stack.Description); got != "a queue, then a topic, then a bucket" {
		t.Errorf("description = %q", got)
	}
}

func TestDeleteGoesBackwards(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", chain)
	w.reach("shop-a", "CREATE_COMPLETE")
	if err := w.delete("shop-a"); err != nil {
		t.Fatal(err)
	}
	stack := w.reach(id, "DELETE_COMPLETE")
	want := []string{
		"shop-a DELETE_IN_PROGRESS User Initiated", "Bucket DELETE_IN_PROGRESS", "Bucket DELETE_COMPLETE",
		"Topic DELETE_IN_PROGRESS",
		"Topic DELETE_COMPLETE", "Queue DELETE_IN_PROGRESS", "Queue DELETE_COMPLETE", "shop-a DELETE_COMPLETE",
	}
	if diff := cmp.Diff(want, w.events(id)[11:]); diff != "" {
		t.Error(diff)
	}
	if left := w.things.ids(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if stack.DeletionTime == nil || len(stack.Outputs) == 0 {
		t.Error("a deleted stack keeps its outputs and has a time of deletion")
	}
	_, err := w.client.DescribeStacks(t.Context(), &api.DescribeStacksInput{StackName: aws.String("shop-a")})
	wantError(t, err, "ValidationError", "Stack with id shop-a does not exist")
	if err := w.delete("shop-a"); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

func TestFailedCreationIsRolledBack(t *testing.T) {
	w := newWorld(t)
	w.faults.fail("Topic create", "no topics today")
	id := w.create("shop-a", chain)
	w.reach("shop-a", "ROLLBACK_COMPLETE")
	want := []string{
		"shop-a CREATE_IN_PROGRESS User Initiated",
		"Queue CREATE_IN_PROGRESS", "Queue CREATE_IN_PROGRESS Resource creation Initiated", "Queue CREATE_COMPLETE",
		"Topic CREATE_IN_PROGRESS", "Topic CREATE_FAILED no topics today",
		"shop-a ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Topic]. Rollback requested by user.",
		"Topic DELETE_COMPLETE", "Queue DELETE_IN_PROGRESS", "Queue DELETE_COMPLETE", "shop-a ROLLBACK_COMPLETE",
	}
	if diff := cmp.Diff(want, w.events(id)); diff != "" {
		t.Error(diff)
	}
	wantError(t, w.update("shop-a", chain), "ValidationError", "Stack:"+id+
		" is in ROLLBACK_COMPLETE state and can not be updated.")
}

func TestOnFailureDecidesHowAFailedCreationEnds(t *testing.T) {
	for failure, status := range map[types.OnFailure]string{
		types.OnFailureDoNothing: "CREATE_FAILED", types.OnFailureDelete: "DELETE_COMPLETE",
		types.OnFailureRollback: "ROLLBACK_COMPLETE",
	} {
		t.Run(string(failure), func(t *testing.T) {
			w := newWorld(t)
			w.faults.fail("Topic create", "no topics today")
			id := w.create("shop-a", chain, func(in *api.CreateStackInput) { in.OnFailure = failure })
			for {
				now := string(w.describe(id).StackStatus)
				if now == status {
					break
				}
				if now == "CREATE_COMPLETE" {
					t.Fatal("the creation succeeded")
				}
			}
		})
	}
}

func TestTypeWithoutHandlerFailsItsResource(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", `{"Resources": {"Cache": {"Type": "AWS::ElastiCache::CacheCluster"}}}`)
	w.reach("shop-a", "ROLLBACK_COMPLETE")
	if got := w.events(id)[2]; got != "Cache CREATE_FAILED the sandbox cannot make resources of type "+
		"AWS::ElastiCache::CacheCluster, which AWS has" {
		t.Error(got)
	}
}

func TestUpdateChangesOnlyWhatDiffers(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", chain)
	w.reach("shop-a", "CREATE_COMPLETE")
	before := len(w.events(id))
	if err := w.update("shop-a", strings.Replace(chain, "DelaySeconds: 0", "DelaySeconds: 5", 1)); err != nil {
		t.Fatal(err)
	}
	stack := w.reach("shop-a", "UPDATE_COMPLETE")
	want := []string{
		"shop-a UPDATE_IN_PROGRESS User Initiated", "Queue UPDATE_IN_PROGRESS", "Queue UPDATE_COMPLETE",
		"shop-a UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "shop-a UPDATE_COMPLETE",
	}
	if diff := cmp.Diff(want, w.events(id)[before:]); diff != "" {
		t.Error(diff)
	}
	if stack.LastUpdatedTime == nil {
		t.Error("no time of the last update")
	}
}

func TestSameTemplateNeedsNoUpdate(t *testing.T) {
	w := newWorld(t)
	w.create("shop-a", chain)
	w.reach("shop-a", "CREATE_COMPLETE")
	for name, body := range map[string]string{
		"the same":             chain,
		"other spaces":         strings.ReplaceAll(chain, "{Type", "{ Type"),
		"text for a number":    strings.Replace(chain, "DelaySeconds: 0", `DelaySeconds: "0"`, 1),
		"only its description": strings.Replace(chain, "a queue", "a long queue", 1),
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, w.update("shop-a", body), "ValidationError", "No updates are to be performed.")
		})
	}
}

const bucket = `Resources: {Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: NAME}}, Queue: {Type: ` +
	`AWS::SQS::Queue, Properties: {Tag: !Ref Bucket}}}`

func TestReplacementMakesTheNewBeforeItDeletesTheOld(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", strings.Replace(bucket, "NAME", "old", 1))
	w.reach("shop-a", "CREATE_COMPLETE")
	before := len(w.events(id))
	if err := w.update("shop-a", strings.Replace(bucket, "NAME", "new", 1)); err != nil {
		t.Fatal(err)
	}
	w.reach("shop-a", "UPDATE_COMPLETE")
	want := []string{
		"shop-a UPDATE_IN_PROGRESS User Initiated",
		"Bucket UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating " +
			"one.",
		"Bucket UPDATE_IN_PROGRESS Resource creation Initiated", "Bucket UPDATE_COMPLETE",
		"Queue UPDATE_IN_PROGRESS", "Queue UPDATE_COMPLETE",
		"shop-a UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Bucket DELETE_IN_PROGRESS", "Bucket DELETE_COMPLETE",
		"shop-a UPDATE_COMPLETE",
	}
	if diff := cmp.Diff(want, w.events(id)[before:]); diff != "" {
		t.Error(diff)
	}
	if ids := w.things.ids(); len(ids) != 2 || ids[0] != "new" {
		t.Errorf("exist: %v", ids)
	}
}

func TestFailedUpdateBringsTheOldStateBack(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", strings.Replace(bucket, "NAME", "old", 1))
	w.reach("shop-a", "CREATE_COMPLETE")
	before := len(w.events(id))
	w.faults.fail("Topic create", "no topics today")
	body := strings.Replace(bucket, "NAME", "new", 1)
	body = strings.Replace(body, "{Bucket:", "{Topic: {Type: AWS::SNS::Topic, DependsOn: Queue}, Bucket:", 1)
	if err := w.update("shop-a", body); err != nil {
		t.Fatal(err)
	}
	w.reach("shop-a", "UPDATE_ROLLBACK_COMPLETE")
	want := []string{
		"shop-a UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Topic].",
		"Bucket UPDATE_IN_PROGRESS", "Bucket UPDATE_COMPLETE", "Queue UPDATE_IN_PROGRESS", "Queue UPDATE_COMPLETE",
		"shop-a UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
		"Bucket DELETE_IN_PROGRESS", "Bucket DELETE_COMPLETE", "Topic DELETE_COMPLETE",
		"shop-a UPDATE_ROLLBACK_COMPLETE",
	}
	got := w.events(id)[before+8:]
	if diff := cmp.Diff(sortedMiddle(want, 6, 9), sortedMiddle(got, 6, 9)); diff != "" {
		t.Error(diff)
	}
	ids := w.things.ids()
	if len(ids) != 2 || ids[0] != "old" || w.things.exist[ids[1]]["Tag"] != "old" {
		t.Errorf("exist: %v", w.things.exist)
	}
	if err := w.update("shop-a", strings.Replace(bucket, "NAME", "old", 1)); err == nil {
		t.Error("the definition after a rollback is the old one")
	}
}

// notEmpty is the S3 handler's error for a bucket that is not empty.
var notEmpty = &resource.Error{Service: "S3", Status: 409, Message: "The bucket you tried to delete is not empty"}

func TestDeletionThatFailsCanBeTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.things.block("old", notEmpty)
	id := w.create("shop-a", strings.Replace(bucket, "NAME", "old", 1))
	w.reach("shop-a", "CREATE_COMPLETE")
	if err := w.delete("shop-a"); err != nil {
		t.Fatal(err)
	}
	stack := w.reach("shop-a", "DELETE_FAILED")
	if got := aws.ToString(stack.StackStatusReason); got != "The following resource(s) failed to delete: [Bucket]. " {
		t.Errorf("reason = %q", got)
	}
	pattern := regexp.MustCompile(`^Bucket DELETE_FAILED Resource handler returned message: "The bucket you tried to ` +
		`delete is not empty \(Service: S3, Status Code: 409, Request ID: [-0-9a-f]{36}\) \(SDK Attempt Count: 1\)" ` +
		`\(RequestToken: [-0-9a-f]{36}, HandlerErrorCode: GeneralServiceException\)$`)
	if events := w.events(id); !pattern.MatchString(events[len(events)-2]) {
		t.Errorf("event = %s", events[len(events)-2])
	}
	w.things.block("old", nil)
	if err := w.delete("shop-a"); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "DELETE_COMPLETE")
}

func TestRetainResourcesOnlyAfterAFailedDeletion(t *testing.T) {
	w := newWorld(t)
	w.things.block("old", notEmpty)
	id := w.create("shop-a", strings.Replace(bucket, "NAME", "old", 1))
	w.reach("shop-a", "CREATE_COMPLETE")
	retain := &api.DeleteStackInput{StackName: &id, RetainResources: []string{"Bucket"}}
	if _, err := w.client.DeleteStack(t.Context(), retain); err == nil {
		t.Error("resources are retained in CREATE_COMPLETE")
	}
	_ = w.delete(id)
	w.reach(id, "DELETE_FAILED")
	_, err := w.client.DeleteStack(
		t.Context(), &api.DeleteStackInput{StackName: &id, RetainResources: []string{"Queue"}},
	)
	wantError(t, err, "ValidationError", "The specified resources to retain must be in a valid state. Do not specify "+
		"resources that are in the DELETE_COMPLETE state.")
	if _, err := w.client.DeleteStack(t.Context(), retain); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "DELETE_COMPLETE")
	if got := w.status(id, "Bucket"); got != "DELETE_SKIPPED" {
		t.Errorf("the retained bucket is %s", got)
	}
}

func TestForcedDeletionLeavesWhatResists(t *testing.T) {
	w := newWorld(t)
	w.things.block("old", notEmpty)
	id := w.create("shop-a", strings.Replace(bucket, "NAME", "old", 1))
	w.reach(id, "CREATE_COMPLETE")
	_ = w.delete(id)
	w.reach(id, "DELETE_FAILED")
	if _, err := w.client.DeleteStack(
		t.Context(), &api.DeleteStackInput{StackName: &id, DeletionMode: types.DeletionModeForceDeleteStack},
	); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "DELETE_COMPLETE")
}

func TestDeletionStopsACreation(t *testing.T) {
	w := newWorld(t)
	defer w.faults.hang("Topic create")()
	id := w.create("shop-a", chain)
	w.until("the topic is on its way", func() bool { return len(w.things.ids()) == 2 })
	if err := w.delete(id); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "DELETE_COMPLETE")
	if left := w.things.ids(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if got := w.status(id, "Bucket"); got != "" {
		t.Errorf("the bucket was begun: %s", got)
	}
}

func TestDeletionIsRejected(t *testing.T) {
	t.Run("while an update is on its way", func(t *testing.T) {
		w := newWorld(t)
		w.create("shop-a", chain)
		w.reach("shop-a", "CREATE_COMPLETE")
		defer w.faults.hang("Queue update")()
		_ = w.update("shop-a", strings.Replace(chain, "DelaySeconds: 0", "DelaySeconds: 5", 1))
		wantError(
			t, w.delete("shop-a"), "ValidationError",
			"Stack [shop-a] cannot be deleted while in status UPDATE_IN_PROGRESS",
		)
	})
	t.Run("under termination protection", func(t *testing.T) {
		w := newWorld(t)
		w.create("shop-a", chain, func(in *api.CreateStackInput) { in.EnableTerminationProtection = aws.Bool(true) })
		w.reach("shop-a", "CREATE_COMPLETE")
		wantError(
			t, w.delete("shop-a"), "ValidationError",
			"Stack [shop-a] cannot be deleted while TerminationProtection is enabled",
		)
		if _, err := w.client.UpdateTerminationProtection(t.Context(), &api.UpdateTerminationProtectionInput{
			StackName: aws.String("shop-a"), EnableTerminationProtection: aws.Bool(false),
		}); err != nil {
			t.Fatal(err)
		}
		if err := w.delete("shop-a"); err != nil {
			t.Error(err)
		}
	})
}

func TestCancelledUpdateIsRolledBack(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", chain)
	w.reach("shop-a", "CREATE_COMPLETE")
	cancel := &api.CancelUpdateStackInput{StackName: &id}
	_, err := w.client.CancelUpdateStack(t.Context(), cancel)
	wantError(t, err, "ValidationError", "CancelUpdateStack cannot be called from current stack status")
	release := w.faults.hang("Queue update")
	_ = w.update("shop-a", strings.Replace(chain, "DelaySeconds: 0", "DelaySeconds: 5", 1))
	w.until("the queue is on its way", func() bool { return w.status(id, "Queue") == "UPDATE_IN_PROGRESS" })
	if _, err := w.client.CancelUpdateStack(t.Context(), cancel); err != nil {
		t.Fatal(err)
	}
	release()
	w.reach(id, "UPDATE_ROLLBACK_COMPLETE")
	want := []string{
		"Queue UPDATE_FAILED Resource update cancelled", "shop-a UPDATE_ROLLBACK_IN_PROGRESS User Initiated",
		"Queue UPDATE_IN_PROGRESS", "Queue UPDATE_COMPLETE",
		"shop-a UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "shop-a UPDATE_ROLLBACK_COMPLETE",
	}
	if diff := cmp.Diff(want, w.events(id)[13:]); diff != "" {
		t.Error(diff)
	}
}
