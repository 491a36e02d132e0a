package aws_test

import (
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws"
)

// deleteWith requests the deletion of a stack with a token.
func (w *world) deleteWith(name, token string) {
	w.t.Helper()
	in := &cloudformation.DeleteStackInput{StackName: &name, ClientRequestToken: &token}
	if _, err := w.stacks.DeleteStack(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) describe(name string) types.Stack {
	w.t.Helper()
	out, err := w.stacks.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Stacks[0]
}

// toldWith returns the events with a token, oldest first: "LogicalID STATUS reason".
func (w *world) toldWith(name, token string) []string {
	w.t.Helper()
	out, err := w.stacks.DescribeStackEvents(w.t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	var told []string
	for _, e := range out.StackEvents {
		if sdk.ToString(e.ClientRequestToken) == token {
			told = append(
				told, *e.LogicalResourceId+" "+string(e.ResourceStatus)+" "+sdk.ToString(e.ResourceStatusReason),
			)
		}
	}
	slices.Reverse(told)
	return told
}

func TestS134AFaultCallsADeletionOffAfterItWasAccepted(t *testing.T) {
	w := newWorld(t, aws.Config{})
	id := w.create("shop-a", buckets)
	w.reach(id, "CREATE_COMPLETE")
	const reason = "Delete canceled. Something holds the stack."
	w.order(aws.Fault{Type: "AWS::CloudFormation::Stack", Stack: "shop-a", Phase: "delete", Reason: reason, Count: 1})
	held := w.order(aws.Fault{Type: "AWS::CloudFormation::Stack", Stack: "shop-a", Phase: "delete", Hang: true})
	w.deleteWith(id, "delete-1")
	if stack := w.describe(id); stack.StackStatus != "DELETE_IN_PROGRESS" || stack.DeletionTime == nil {
		t.Errorf("the held stack is %s, deleted %v", stack.StackStatus, stack.DeletionTime)
	}
	w.server.DeleteFault(held)
	w.reach(id, "CREATE_COMPLETE")
	if stack := w.describe(id); sdk.ToString(stack.StackStatusReason) != reason || stack.DeletionTime != nil {
		t.Errorf("the reason is %q, deleted %v", sdk.ToString(stack.StackStatusReason), stack.DeletionTime)
	}
	want := []string{"shop-a DELETE_IN_PROGRESS User Initiated", "shop-a CREATE_COMPLETE " + reason}
	if diff := cmp.Diff(want, w.toldWith(id, "delete-1")); diff != "" {
		t.Error(diff)
	}
	if out, err := w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil || len(out.Buckets) == 0 {
		t.Errorf("buckets: %v, %v", out, err)
	}
	w.deleteWith(id, "delete-2")
	w.reach(id, "DELETE_COMPLETE")
}

func TestS134AFaultCallsAnUpdateOffAfterItWasAccepted(t *testing.T) {
	w := newWorld(t, aws.Config{})
	id := w.create("shop-a", buckets)
	w.reach(id, "CREATE_COMPLETE")
	const reason = "Update canceled. Something holds the stack."
	w.order(aws.Fault{Type: "AWS::CloudFormation::Stack", Phase: "update", Reason: reason})
	_, err := w.stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: &id, TemplateBody: sdk.String(buckets),
		Tags:               []types.Tag{{Key: sdk.String("a"), Value: sdk.String("b")}},
		ClientRequestToken: sdk.String("update-1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_ROLLBACK_COMPLETE")
	want := []string{
		"shop-a UPDATE_IN_PROGRESS User Initiated", "shop-a UPDATE_ROLLBACK_IN_PROGRESS " + reason,
		"shop-a UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS ", "shop-a UPDATE_ROLLBACK_COMPLETE ",
	}
	if diff := cmp.Diff(want, w.toldWith(id, "update-1")); diff != "" {
		t.Error(diff)
	}
}

// TestAFaultOfResourcesCallsNoDeletionOff checks that a fault for resources, which names no type,
// does not match the step of the stack itself.
func TestAFaultOfResourcesCallsNoDeletionOff(t *testing.T) {
	w := newWorld(t, aws.Config{})
	id := w.create("shop-a", buckets)
	w.reach(id, "CREATE_COMPLETE")
	w.order(aws.Fault{Stack: "shop-a", Phase: "delete", Reason: "not today"})
	w.deleteWith(id, "delete-1")
	w.reach(id, "DELETE_FAILED")
}
