package conformance

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var changeSetAssumptions = []Assumption{
	{
		Name: "cloudformation/stack-in-review",
		Sentence: "A stack whose change set of type CREATE was never executed is in REVIEW_IN_PROGRESS. " +
			"DescribeStacks returns no tags of the stack, and DescribeChangeSet returns them.",
		Source: "https://github.com/localstack/localstack/pull/13117", ReliedOn: "activities/stack/review.go",
		Minutes: 2,
		check:   checkReview,
	},
	{
		Name:     "cloudformation/stack-in-review-is-deleted",
		Sentence: "DeleteStack deletes a stack in REVIEW_IN_PROGRESS.",
		Source:   "https://github.com/aws/aws-cdk/issues/6674", ReliedOn: "lifecycle/next.go", Minutes: 2,
		check: checkReviewDeleted,
	},
}

// createChangeSet creates a change set for a new stack, and does not execute it. It returns the ids
// of the stack, which is in REVIEW_IN_PROGRESS, and of the change set.
func (w *World) createChangeSet(ctx context.Context) (stack, set string, err error) {
	in := w.createInput("", parameterTemplate("1"))
	out, err := w.stacks.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: in.StackName, TemplateBody: in.TemplateBody, Tags: in.Tags,
		ChangeSetName: aws.String("first"), ChangeSetType: types.ChangeSetTypeCreate,
	})
	if err := wantAccepted("CreateChangeSet", err); err != nil {
		return "", "", err
	}
	stack, set = aws.ToString(out.StackId), aws.ToString(out.Id)
	w.created = append(w.created, stack)
	err = w.waitUntil(ctx, "the change set is complete", func() (bool, error) {
		out, err := w.stacks.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &set})
		return err == nil && out.Status == types.ChangeSetStatusCreateComplete, err
	})
	return stack, set, err
}

func checkReview(ctx context.Context, w *World) error {
	id, set, err := w.createChangeSet(ctx)
	if err != nil {
		return err
	}
	stack, err := w.describeStack(ctx, id)
	if err != nil {
		return err
	}
	if stack.StackStatus != types.StackStatusReviewInProgress || len(stack.Tags) > 0 {
		return differencef("the stack is %s and has %d tags", stack.StackStatus, len(stack.Tags))
	}
	out, err := w.stacks.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &set})
	if err := wantAccepted("DescribeChangeSet", err); err != nil {
		return err
	}
	if len(out.Tags) != 1 || !w.isRunTag(aws.ToString(out.Tags[0].Key), aws.ToString(out.Tags[0].Value)) {
		return differencef("the change set has %d tags, want only the tag of the run", len(out.Tags))
	}
	return nil
}

func checkReviewDeleted(ctx context.Context, w *World) error {
	id, _, err := w.createChangeSet(ctx)
	if err != nil {
		return err
	}
	return w.deleteStack(ctx, id, types.StackStatusDeleteComplete)
}
