package cloudformation_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

func (w *world) changeSet(stack, name, body string, kind types.ChangeSetType) (*api.CreateChangeSetOutput, error) {
	return w.client.CreateChangeSet(
		w.t.Context(),
		&api.CreateChangeSetInput{StackName: &stack, ChangeSetName: &name, TemplateBody: &body, ChangeSetType: kind},
	)
}

func (w *world) execute(arn string) error {
	_, err := w.client.ExecuteChangeSet(w.t.Context(), &api.ExecuteChangeSetInput{ChangeSetName: &arn})
	return err
}

func TestChangeSetCreatesAStack(t *testing.T) {
	w := newWorld(t)
	_, err := w.changeSet("shop-a", "first", chain, types.ChangeSetTypeUpdate)
	wantError(t, err, "ValidationError", "Stack [shop-a] does not exist")
	set, err := w.changeSet("shop-a", "first", chain, types.ChangeSetTypeCreate)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.describe("shop-a").StackStatus; got != types.StackStatusReviewInProgress {
		t.Errorf("before the execution the stack is %s", got)
	}
	if err := w.execute(*set.Id); err != nil {
		t.Fatal(err)
	}
	stack := w.reach("shop-a", "CREATE_COMPLETE")
	if *stack.ChangeSetId != *set.Id {
		t.Errorf("change set = %s", *stack.ChangeSetId)
	}
	_, err = w.client.DescribeChangeSet(
		t.Context(), &api.DescribeChangeSetInput{StackName: aws.String("shop-a"), ChangeSetName: aws.String("first")},
	)
	wantError(t, err, "ChangeSetNotFound", "ChangeSet [first] does not exist")
	byID, err := w.client.DescribeChangeSet(t.Context(), &api.DescribeChangeSetInput{ChangeSetName: set.Id})
	if err != nil || byID.ExecutionStatus != types.ExecutionStatusExecuteComplete {
		t.Errorf("by its ARN: %v, %v", byID, err)
	}
	_, err = w.client.DeleteChangeSet(t.Context(), &api.DeleteChangeSetInput{ChangeSetName: set.Id})
	wantError(t, err, "InvalidChangeSetStatus", "Cannot delete ChangeSet in execution status EXECUTE_COMPLETE")
}

func TestChangeSetSaysWhatItWouldDo(t *testing.T) {
	w := newWorld(t)
	w.create("shop-a", `Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: old}}
  Old: {Type: AWS::SQS::Queue}
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 0}}`)
	w.reach("shop-a", "CREATE_COMPLETE")
	set, err := w.changeSet("shop-a", "next", `Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: new}}
  New: {Type: AWS::SQS::Queue}
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 5}}`, types.ChangeSetTypeUpdate)
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.client.DescribeChangeSet(t.Context(), &api.DescribeChangeSetInput{ChangeSetName: set.Id})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range out.Changes {
		got = append(got, string(c.ResourceChange.Action)+" "+*c.ResourceChange.LogicalResourceId+" "+
			string(c.ResourceChange.Replacement))
	}
	if diff := cmp.Diff(
		[]string{"Modify Bucket True", "Add New ", "Remove Old ", "Modify Queue False"}, got,
	); diff != "" {
		t.Error(diff)
	}
	if _, err := w.client.DeleteChangeSet(t.Context(), &api.DeleteChangeSetInput{ChangeSetName: set.Id}); err != nil {
		t.Fatal(err)
	}
	wantError(t, w.execute(*set.Id), "ChangeSetNotFound", "ChangeSet ["+*set.Id+"] does not exist")
}

func TestChangeSetWithoutChangesFails(t *testing.T) {
	w := newWorld(t)
	w.create("shop-a", chain)
	w.reach("shop-a", "CREATE_COMPLETE")
	set, err := w.changeSet("shop-a", "same", chain, types.ChangeSetTypeUpdate)
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.client.DescribeChangeSet(t.Context(), &api.DescribeChangeSetInput{ChangeSetName: set.Id})
	if err != nil {
		t.Fatal(err)
	}
	if out.Status != types.ChangeSetStatusFailed || *out.StatusReason != "The submitted information didn't contain "+
		"changes. Submit different information to create a change set." {
		t.Errorf("%s: %s", out.Status, aws.ToString(out.StatusReason))
	}
	wantError(t, w.execute(*set.Id), "InvalidChangeSetStatus", "ChangeSet ["+*set.Id+
		"] cannot be executed in its current status of [FAILED]")
}

func TestChangeSetUpdates(t *testing.T) {
	w := newWorld(t)
	w.create("shop-a", simple)
	w.reach("shop-a", "CREATE_COMPLETE")
	set, err := w.changeSet("shop-a", "next", chain, types.ChangeSetTypeUpdate)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.execute(*set.Id); err != nil {
		t.Fatal(err)
	}
	w.reach("shop-a", "UPDATE_COMPLETE")
	if n := len(w.things.ids()); n != 3 {
		t.Errorf("%d resources exist, want 3", n)
	}
	_ = w.delete("shop-a")
}
