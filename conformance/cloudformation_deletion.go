package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var deletionAssumptions = []Assumption{
	{
		Name: "cloudformation/deleted-by-id",
		Sentence: "By its id, CloudFormation returns a deleted stack as DELETE_COMPLETE, with its events. By its " +
			"name, the stack does not exist.",
		Source: recorded, ReliedOn: "activities/stack/await.go", Minutes: 2, check: checkDeletedByID,
	},
	{
		Name: "cloudformation/stack-id-is-not-reused",
		Sentence: "CloudFormation does not reuse the id of a deleted stack: DeleteStack with that id does not delete " +
			"a new stack with the same name.",
		Source: stackAPI + "API_DeleteStack.html", ReliedOn: "activities/change/change.go", Minutes: 3,
		check: checkStackIDNotReused,
	},
	{
		Name:     "cloudformation/delete-unknown",
		Sentence: "CloudFormation accepts DeleteStack of a stack that does not exist.",
		Source:   stackAPI + "API_DeleteStack.html", ReliedOn: "activities/change/change.go", Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			_, err := w.stacks.DeleteStack(
				ctx, &cloudformation.DeleteStackInput{StackName: aws.String(w.stackName(""))},
			)
			return wantAccepted("DeleteStack", err)
		},
	},
	{
		Name: "cloudformation/bucket-that-is-not-empty",
		Sentence: "The deletion of a stack with a bucket that is not empty ends in DELETE_FAILED: `bucket you tried " +
			"to delete is not empty`. After the bucket is emptied, DeleteStack succeeds.",
		Source:   "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html",
		ReliedOn: "lifecycle/repair.go", Minutes: 3, check: checkBucketNotEmpty,
	},
	{
		Name: "cloudformation/retain-after-failure-only",
		Sentence: "DeleteStack with RetainResources fails with ValidationError before DELETE_FAILED. After " +
			"DELETE_FAILED, it deletes the stack and keeps the resource.",
		Source:   stackAPI + "API_DeleteStack.html",
		ReliedOn: "activities/change/change.go", Minutes: 3, check: checkRetainResources,
	},
	{
		Name: "cloudformation/force-after-failure-only",
		Sentence: "DeleteStack with FORCE_DELETE_STACK fails with ValidationError before DELETE_FAILED. After " +
			"DELETE_FAILED, it deletes the stack without the resource.",
		Source: stackAPI + "API_DeleteStack.html", ReliedOn: "activities/change/change.go", Minutes: 3,
		check: checkForceDelete,
	},
	{
		Name:     "cloudformation/deletion-policy",
		Sentence: "DeleteStack keeps a resource with DeletionPolicy Retain, and sets its status to DELETE_SKIPPED.",
		Source:   recorded, ReliedOn: "activities/stack/guard.go", Minutes: 2, check: checkDeletionPolicy,
	},
	{
		Name:     "cloudformation/termination-protection",
		Sentence: "DeleteStack of a protected stack fails with a ValidationError that names TerminationProtection.",
		Source:   guide + "using-cfn-protect-stacks.html",
		ReliedOn: "activities/stack/guard.go", Minutes: 2, check: checkTerminationProtection,
	},
	{
		Name:     "cloudformation/delete-during-a-creation",
		Sentence: "CloudFormation accepts DeleteStack during a creation, and deletes the stack.",
		Source:   "https://github.com/aws/copilot-cli internal/pkg/deploy/cloudformation",
		ReliedOn: "lifecycle/next.go",
		Minutes:  3, check: checkDeleteDuringCreation,
	},
	{
		Name:     "cloudformation/no-deletion-during-an-update",
		Sentence: "DeleteStack during an update fails with ValidationError: `cannot be deleted while in status`.",
		Source:   "https://github.com/aws/aws-toolkit-azure-devops/issues/317", ReliedOn: "lifecycle/next.go",
		Minutes: 4, check: checkNoDeletionDuringUpdate,
	},
}

func checkDeletedByID(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	if err := w.deleteStack(ctx, id, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	lines, err := w.eventLines(ctx, id)
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

func checkStackIDNotReused(ctx context.Context, w *World) error {
	before, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	if err := w.deleteStack(ctx, before, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	after, err := w.createStack(ctx, "", parameterTemplate("2"))
	if err != nil {
		return err
	}
	if after == before {
		return differencef("both stacks have the id %s", after)
	}
	if err := w.deleteStack(ctx, before, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	return w.wantStatus(ctx, after, types.StackStatusCreateComplete)
}

// failDeletion creates a stack and deletes it while its bucket is not empty, so that the stack is
// in DELETE_FAILED.
func (w *World) failDeletion(ctx context.Context) (id, bucket string, err error) {
	id, err = w.createStack(ctx, "", template(plainBucket))
	if err != nil {
		return "", "", err
	}
	bucket, err = w.fillBucket(ctx, id)
	if err != nil {
		return "", "", err
	}
	return id, bucket, w.deleteStack(ctx, id, types.StackStatusDeleteFailed)
}

func checkBucketNotEmpty(ctx context.Context, w *World) error {
	id, bucket, err := w.failDeletion(ctx)
	if err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, id); !strings.Contains(reason, "bucket you tried to delete is not empty") {
		return differencef("the reason is %q", reason)
	}
	if err := w.emptyBucket(ctx, bucket); err != nil {
		return err
	}
	return w.deleteStack(ctx, id, types.StackStatusDeleteComplete)
}

func checkRetainResources(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", template(plainBucket))
	if err != nil {
		return err
	}
	retain := &cloudformation.DeleteStackInput{StackName: &id, RetainResources: []string{"Bucket"}}
	_, err = w.stacks.DeleteStack(ctx, retain)
	if err := wantRejected("DeleteStack with RetainResources", err, "ValidationError", "DELETE_FAILED"); err != nil {
		return err
	}
	return w.wantBucketKept(ctx, id, retain)
}

func checkForceDelete(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", template(plainBucket))
	if err != nil {
		return err
	}
	force := &cloudformation.DeleteStackInput{StackName: &id, DeletionMode: types.DeletionModeForceDeleteStack}
	_, err = w.stacks.DeleteStack(ctx, force)
	if err := wantRejected("DeleteStack by force", err, "ValidationError", "DELETE_FAILED"); err != nil {
		return err
	}
	return w.wantBucketKept(ctx, id, force)
}

// wantBucketKept makes the deletion of a stack fail, because the stack's bucket has an object. It
// then checks that DeleteStack with the input in deletes the stack and keeps the bucket.
func (w *World) wantBucketKept(ctx context.Context, id string, in *cloudformation.DeleteStackInput) error {
	bucket, err := w.fillBucket(ctx, id)
	if err != nil {
		return err
	}
	defer func() { _ = w.removeBucket(context.WithoutCancel(ctx), bucket) }()
	if err := w.deleteStack(ctx, id, types.StackStatusDeleteFailed); err != nil {
		return err
	}
	_, err = w.stacks.DeleteStack(ctx, in)
	if err := wantAccepted("DeleteStack after DELETE_FAILED", err); err != nil {
		return err
	}
	if err := w.wantStatus(ctx, id, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	there, err := w.bucketExists(ctx, bucket)
	if err == nil && !there {
		err = differencef("the deletion also deleted the bucket, want it kept")
	}
	return err
}

func checkDeletionPolicy(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", template("Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}"))
	if err != nil {
		return err
	}
	bucket, err := w.physicalID(ctx, id, "Bucket")
	if err != nil {
		return err
	}
	defer func() { _ = w.removeBucket(context.WithoutCancel(ctx), bucket) }()
	if err := w.deleteStack(ctx, id, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	r, err := w.resource(ctx, id, "Bucket")
	if err != nil {
		return err
	}
	if r.ResourceStatus != types.ResourceStatusDeleteSkipped {
		return differencef("the resource is %s, want DELETE_SKIPPED", r.ResourceStatus)
	}
	there, err := w.bucketExists(ctx, bucket)
	if err == nil && !there {
		err = differencef("the deletion also deleted the bucket, want it kept")
	}
	return err
}

func checkTerminationProtection(ctx context.Context, w *World) error {
	in := w.createInput("", parameterTemplate("1"))
	in.EnableTerminationProtection = aws.Bool(true)
	id, err := w.createStackFrom(ctx, in)
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
	id, err := w.startCreate(ctx, w.createInput("", template(plainBucket)))
	if err != nil {
		return err
	}
	stack, err := w.describeStack(ctx, id)
	if err == nil && stack.StackStatus != types.StackStatusCreateInProgress {
		err = differencef("the stack is %s right after CreateStack", stack.StackStatus)
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
	return w.wantStatus(ctx, id, types.StackStatusDeleteComplete)
}

func checkNoDeletionDuringUpdate(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	release, err := w.hold(ctx, "Bucket", "create", w.stackName(""))
	if err != nil {
		return err
	}
	defer func() { _ = release() }()
	body := template(parameter("1"), plainBucket)
	if _, err := w.stacks.UpdateStack(ctx, w.updateInput(id, body)); err != nil {
		return wantAccepted("UpdateStack", err)
	}
	_, err = w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id})
	return wantRejected("DeleteStack", err, "ValidationError", "cannot be deleted while in status UPDATE_IN_PROGRESS")
}
