package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var deletionBeliefs = []Belief{
	{
		Name:     "cloudformation/deleted-by-id",
		Sentence: "A deleted stack is DELETE_COMPLETE under its id, with its events, and unknown under its name.",
		Source:   recorded, ReliedOn: "activities/stack/await.go", Minutes: 2, check: checkDeletedByID,
	},
	{
		Name: "cloudformation/earlier-life",
		Sentence: "The id of a deleted stack is not used again: DeleteStack with it does not delete a new stack with " +
			"the same name.",
		Source: stackAPI + "API_DeleteStack.html", ReliedOn: "activities/change/change.go", Minutes: 3,
		check: checkEarlierLife,
	},
	{
		Name:     "cloudformation/delete-unknown",
		Sentence: "DeleteStack of a stack that does not exist is accepted.",
		Source:   stackAPI + "API_DeleteStack.html", ReliedOn: "activities/change/change.go", Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			_, err := w.stacks.DeleteStack(
				ctx, &cloudformation.DeleteStackInput{StackName: aws.String(w.stackName(""))},
			)
			return wantAccepted("DeleteStack", err)
		},
	},
	{
		Name: "cloudformation/full-bucket",
		Sentence: "The deletion of a stack with a bucket that is not empty ends DELETE_FAILED, with " +
			"`bucket you tried to delete is not empty`; after the bucket is emptied, DeleteStack succeeds.",
		Source:   "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html",
		ReliedOn: "lifecycle/repair.go", Minutes: 3, check: checkFullBucket,
	},
	{
		Name: "cloudformation/retain-after-failure-only",
		Sentence: "RetainResources is a ValidationError before DELETE_FAILED; after it, DeleteStack leaves the " +
			"resource.",
		Source:   stackAPI + "API_DeleteStack.html",
		ReliedOn: "activities/change/change.go", Minutes: 3, check: checkRetainResources,
	},
	{
		Name: "cloudformation/force-after-failure-only",
		Sentence: "FORCE_DELETE_STACK is a ValidationError before DELETE_FAILED; after it, the stack is " +
			"deleted without the resource.",
		Source: stackAPI + "API_DeleteStack.html", ReliedOn: "activities/change/change.go", Minutes: 3,
		check: checkForce,
	},
	{
		Name:     "cloudformation/deletion-policy",
		Sentence: "A resource with DeletionPolicy Retain is DELETE_SKIPPED and stays.",
		Source:   recorded, ReliedOn: "activities/stack/guard.go", Minutes: 2, check: checkDeletionPolicy,
	},
	{
		Name:     "cloudformation/termination-protection",
		Sentence: "DeleteStack of a protected stack is a ValidationError that names TerminationProtection.",
		Source:   guide + "using-cfn-protect-stacks.html",
		ReliedOn: "activities/stack/guard.go", Minutes: 2, check: checkProtection,
	},
	{
		Name:     "cloudformation/delete-during-a-creation",
		Sentence: "DeleteStack during a creation is accepted, and the stack is deleted.",
		Source:   "https://github.com/aws/copilot-cli internal/pkg/deploy/cloudformation",
		ReliedOn: "lifecycle/next.go",
		Minutes:  3, check: checkDeleteDuringCreation,
	},
	{
		Name:     "cloudformation/no-deletion-during-an-update",
		Sentence: "DeleteStack during an update is a ValidationError `cannot be deleted while in status`.",
		Source:   "https://github.com/aws/aws-toolkit-azure-devops/issues/317", ReliedOn: "lifecycle/next.go",
		Minutes: 4, check: checkNoDeletionDuringUpdate,
	},
}

func checkDeletedByID(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	if err := w.remove(ctx, id, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	lines, err := w.history(ctx, id)
	if err != nil {
		return err
	}
	if err := wantOrder(lines, []string{"stack CREATE_COMPLETE", "stack DELETE_IN_PROGRESS", "Thing DELETE_COMPLETE",
		"stack DELETE_COMPLETE"}); err != nil {
		return err
	}
	name := w.stackName("")
	_, err = w.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	return wantRejected("DescribeStacks by name", err, "ValidationError", "does not exist")
}

func checkEarlierLife(ctx context.Context, w *World) error {
	before, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	if err := w.remove(ctx, before, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	after, err := w.create(ctx, "", parameter("2"))
	if err != nil {
		return err
	}
	if after == before {
		return differs("both stacks have the id %s", after)
	}
	if err := w.remove(ctx, before, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	return w.reach(ctx, after, types.StackStatusCreateComplete)
}

// failedDeletion creates a stack, and deletes it while its bucket is not empty, so that it is
// DELETE_FAILED.
func (w *World) failedDeletion(ctx context.Context) (id, bucket string, err error) {
	id, err = w.create(ctx, "", template(plainBucket))
	if err != nil {
		return "", "", err
	}
	bucket, err = w.filled(ctx, id)
	if err != nil {
		return "", "", err
	}
	return id, bucket, w.remove(ctx, id, types.StackStatusDeleteFailed)
}

func checkFullBucket(ctx context.Context, w *World) error {
	id, bucket, err := w.failedDeletion(ctx)
	if err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, id); !strings.Contains(reason, "bucket you tried to delete is not empty") {
		return differs("the reason is %q", reason)
	}
	if err := w.empty(ctx, bucket); err != nil {
		return err
	}
	return w.remove(ctx, id, types.StackStatusDeleteComplete)
}

func checkRetainResources(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", template(plainBucket))
	if err != nil {
		return err
	}
	retain := &cloudformation.DeleteStackInput{StackName: &id, RetainResources: []string{"Bucket"}}
	_, err = w.stacks.DeleteStack(ctx, retain)
	if err := wantRejected("DeleteStack with RetainResources", err, "ValidationError", "DELETE_FAILED"); err != nil {
		return err
	}
	return w.leavesBucket(ctx, id, retain)
}

func checkForce(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", template(plainBucket))
	if err != nil {
		return err
	}
	force := &cloudformation.DeleteStackInput{StackName: &id, DeletionMode: types.DeletionModeForceDeleteStack}
	_, err = w.stacks.DeleteStack(ctx, force)
	if err := wantRejected("DeleteStack by force", err, "ValidationError", "DELETE_FAILED"); err != nil {
		return err
	}
	return w.leavesBucket(ctx, id, force)
}

// leavesBucket makes a deletion fail by an object in the stack's bucket. It then checks that the
// deletion with the input in does not delete the bucket.
func (w *World) leavesBucket(ctx context.Context, id string, in *cloudformation.DeleteStackInput) error {
	bucket, err := w.filled(ctx, id)
	if err != nil {
		return err
	}
	defer func() { _ = w.removeBucket(context.WithoutCancel(ctx), bucket) }()
	if err := w.remove(ctx, id, types.StackStatusDeleteFailed); err != nil {
		return err
	}
	_, err = w.stacks.DeleteStack(ctx, in)
	if err := wantAccepted("DeleteStack after DELETE_FAILED", err); err != nil {
		return err
	}
	if err := w.reach(ctx, id, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	there, err := w.bucketExists(ctx, bucket)
	if err == nil && !there {
		err = differs("the deletion also deleted the bucket, which it should have kept")
	}
	return err
}

func checkDeletionPolicy(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", template("Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}"))
	if err != nil {
		return err
	}
	bucket, err := w.physical(ctx, id, "Bucket")
	if err != nil {
		return err
	}
	defer func() { _ = w.removeBucket(context.WithoutCancel(ctx), bucket) }()
	if err := w.remove(ctx, id, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	r, err := w.resource(ctx, id, "Bucket")
	if err != nil {
		return err
	}
	if r.ResourceStatus != types.ResourceStatusDeleteSkipped {
		return differs("the resource is %s, want DELETE_SKIPPED", r.ResourceStatus)
	}
	there, err := w.bucketExists(ctx, bucket)
	if err == nil && !there {
		err = differs("the bucket is deleted")
	}
	return err
}

func checkProtection(ctx context.Context, w *World) error {
	in := w.creation("", parameter("1"))
	in.EnableTerminationProtection = aws.Bool(true)
	id, err := w.createAs(ctx, in)
	if err != nil {
		return err
	}
	_, err = w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id})
	return wantRejected("DeleteStack", err, "ValidationError", "TerminationProtection")
}

func checkDeleteDuringCreation(ctx context.Context, w *World) error {
	release, err := w.hold(ctx, "Bucket", "create", w.stackName(""))
	if err != nil {
		return err
	}
	defer func() { _ = release() }()
	id, err := w.begin(ctx, w.creation("", template(plainBucket)))
	if err != nil {
		return err
	}
	stack, err := w.describe(ctx, id)
	if err == nil && stack.StackStatus != types.StackStatusCreateInProgress {
		err = differs("the stack is %s right after CreateStack", stack.StackStatus)
	}
	if err != nil {
		return err
	}
	_, err = w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id})
	if err := wantAccepted("DeleteStack", err); err != nil {
		return err
	}
	if err := release(); err != nil {
		return err
	}
	return w.reach(ctx, id, types.StackStatusDeleteComplete)
}

func checkNoDeletionDuringUpdate(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	release, err := w.hold(ctx, "Bucket", "create", w.stackName(""))
	if err != nil {
		return err
	}
	defer func() { _ = release() }()
	body := template(thing("1"), plainBucket)
	if _, err := w.stacks.UpdateStack(ctx, w.change(id, body)); err != nil {
		return wantAccepted("UpdateStack", err)
	}
	_, err = w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id})
	return wantRejected("DeleteStack", err, "ValidationError", "cannot be deleted while in status UPDATE_IN_PROGRESS")
}
