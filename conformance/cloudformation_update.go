package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var updateAssumptions = []Assumption{
	{
		Name:     "cloudformation/nothing-to-update",
		Sentence: "UpdateStack with the same template fails with ValidationError: `No updates are to be performed.`",
		Source:   recorded, ReliedOn: "activities/change/change.go", Minutes: 2, check: checkNothingToUpdate,
	},
	{
		Name: "cloudformation/events-of-an-update",
		Sentence: "Every update has the status UPDATE_COMPLETE_CLEANUP_IN_PROGRESS before UPDATE_COMPLETE, even if " +
			"there is nothing to clean up.",
		Source: recorded, ReliedOn: "lifecycle/next.go", Minutes: 2, check: checkUpdateEvents,
	},
	{
		Name:     "cloudformation/outputs-only",
		Sentence: "CloudFormation accepts an update that changes only outputs.",
		Source:   guide + "using-cfn-updating-stacks-direct.html",
		ReliedOn: "cfn/outputs.go", Minutes: 2, check: checkOutputsOnly,
	},
	{
		Name:     "cloudformation/tags-are-kept",
		Sentence: "UpdateStack without tags keeps the stack's tags.",
		Source:   recorded, ReliedOn: "activities/change/change.go", Minutes: 2, check: checkTagsKept,
	},
	{
		Name: "cloudformation/replacement",
		Sentence: "A replaced resource has UPDATE statuses for its new physical id. CloudFormation deletes the old " +
			"resource after UPDATE_COMPLETE_CLEANUP_IN_PROGRESS.",
		Source: recorded, ReliedOn: "activities/stack/events.go", Minutes: 3, check: checkReplacement,
	},
	{
		Name: "cloudformation/update-rolls-back",
		Sentence: "If a resource fails during an update, the stack ends in UPDATE_ROLLBACK_COMPLETE, with the " +
			"previous template.",
		Source: recorded, ReliedOn: "lifecycle/next.go", Minutes: 5, check: checkUpdateRollsBack,
	},
	{
		Name:     "cloudformation/no-update-during-a-creation",
		Sentence: "UpdateStack during a creation fails with ValidationError: `can not be updated`.",
		Source:   guide + "cfn-whatis-concepts.html",
		ReliedOn: "lifecycle/next.go", Minutes: 3, check: checkNoUpdateDuringCreation,
	},
	{
		Name: "cloudformation/cancel-an-update",
		Sentence: "CancelUpdateStack during an update rolls the update back. The stack ends in " +
			"UPDATE_ROLLBACK_COMPLETE.",
		Source:   stackAPI + "API_CancelUpdateStack.html",
		ReliedOn: "activities/change/change.go", Minutes: 4, check: checkCancelUpdate,
	},
	{
		Name: "cloudformation/cancel-too-late",
		Sentence: "CancelUpdateStack without an update in progress fails with ValidationError: `cannot be called " +
			"from current stack status`.",
		Source: recorded, ReliedOn: "activities/change/change.go", Minutes: 2, check: checkCancelTooLate,
	},
	{
		Name: "cloudformation/nothing-to-continue",
		Sentence: "ContinueUpdateRollback of a stack that is not in UPDATE_ROLLBACK_FAILED fails with " +
			"ValidationError.",
		Source: stackAPI + "API_ContinueUpdateRollback.html", ReliedOn: "activities/change/change.go", Minutes: 2,
		check: checkNothingToContinue,
	},
	{
		Name: "cloudformation/cleanup-fails",
		Sentence: "If an update cannot delete a removed bucket, the stack still ends in UPDATE_COMPLETE, and no " +
			"longer lists the bucket.",
		Source: recorded, ReliedOn: "activities/bucket/sweep.go", Minutes: 9, check: checkCleanupFails,
	},
}

func checkNothingToUpdate(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	_, err = w.stacks.UpdateStack(ctx, w.updateInput(id, parameterTemplate("1")))
	return wantRejected("UpdateStack", err, "ValidationError", "No updates are to be performed.")
}

func checkUpdateEvents(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	if err := w.updateStack(ctx, id, parameterTemplate("2"), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	lines, err := w.eventLines(ctx, id)
	if err != nil {
		return err
	}
	return wantOrder(lines, []string{
		"stack UPDATE_IN_PROGRESS", "Thing UPDATE_IN_PROGRESS", "Thing UPDATE_COMPLETE",
		"stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "stack UPDATE_COMPLETE",
	})
}

func checkOutputsOnly(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	body := parameterTemplate("1") + "\nOutputs: {Name: {Value: !Ref Thing}}"
	if err := w.updateStack(ctx, id, body, types.StackStatusUpdateComplete); err != nil {
		return err
	}
	stack, err := w.describeStack(ctx, id)
	if err == nil && len(stack.Outputs) != 1 {
		err = differencef("the stack has %d outputs, want 1", len(stack.Outputs))
	}
	return err
}

func checkTagsKept(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	if err := w.updateStack(ctx, id, parameterTemplate("2"), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	stack, err := w.describeStack(ctx, id)
	if err != nil {
		return err
	}
	if len(stack.Tags) != 1 || aws.ToString(stack.Tags[0].Key) != Tag || aws.ToString(stack.Tags[0].Value) != w.run {
		return differencef("the stack has %d tags after the update, want only the tag of its creation", len(stack.Tags))
	}
	return nil
}

func checkReplacement(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", template(namedParameter(w.stackName("-old"), `"1"`)))
	if err != nil {
		return err
	}
	if err := w.updateStack(
		ctx, id, template(namedParameter(w.stackName("-new"), `"1"`)), types.StackStatusUpdateComplete,
	); err != nil {
		return err
	}
	events, err := w.stackEvents(ctx, id)
	if err != nil {
		return err
	}
	var lines []string
	for _, e := range events {
		line := string(e.ResourceStatus)
		for _, name := range []string{"-old", "-new"} {
			if strings.HasSuffix(aws.ToString(e.PhysicalResourceId), name) {
				line += " " + name[1:]
			}
		}
		lines = append(lines, line)
	}
	return wantOrder(lines, []string{
		"UPDATE_IN_PROGRESS old", "UPDATE_IN_PROGRESS new", "UPDATE_COMPLETE new",
		"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
		"DELETE_IN_PROGRESS old", "DELETE_COMPLETE old", "UPDATE_COMPLETE",
	})
}

func checkUpdateRollsBack(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	body := template(parameter("2"), failingResource)
	if err := w.updateStack(ctx, id, body, types.StackStatusUpdateRollbackComplete); err != nil {
		return err
	}
	out, err := w.stacks.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &id})
	if err := wantAccepted("GetTemplate", err); err != nil {
		return err
	}
	if got := aws.ToString(out.TemplateBody); got != parameterTemplate("1") {
		return differencef("the template after the rollback is %q", got)
	}
	return nil
}

func checkNoUpdateDuringCreation(ctx context.Context, w *World) error {
	release, err := w.hold(ctx, "Bucket", "create", w.stackName(""))
	if err != nil {
		return err
	}
	defer func() { _ = release() }()
	id, err := w.startCreate(ctx, w.createInput("", template(plainBucket)))
	if err != nil {
		return err
	}
	_, err = w.stacks.UpdateStack(ctx, w.updateInput(id, parameterTemplate("1")))
	return wantRejected("UpdateStack", err, "ValidationError", "is in CREATE_IN_PROGRESS state and can not be updated")
}

// checkCancelUpdate cancels an update that creates a bucket. On AWS, such an update takes long
// enough for the cancellation to arrive in time.
func checkCancelUpdate(ctx context.Context, w *World) error {
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
	_, err = w.stacks.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: &id})
	if err := wantAccepted("CancelUpdateStack", err); err != nil {
		return err
	}
	if err := release(); err != nil {
		return err
	}
	return w.wantStatus(ctx, id, types.StackStatusUpdateRollbackComplete)
}

func checkCancelTooLate(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	_, err = w.stacks.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: &id})
	return wantRejected("CancelUpdateStack", err, "ValidationError",
		"CancelUpdateStack cannot be called from current stack status")
}

func checkNothingToContinue(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	_, err = w.stacks.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &id})
	return wantRejected("ContinueUpdateRollback", err, "ValidationError", "")
}

func checkCleanupFails(ctx context.Context, w *World) error {
	body := template(parameter("1"), plainBucket)
	id, err := w.createStack(ctx, "", body)
	if err != nil {
		return err
	}
	bucket, err := w.fillBucket(ctx, id)
	if err != nil {
		return err
	}
	if err := w.updateStack(ctx, id, parameterTemplate("1"), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	defer func() { _ = w.removeBucket(context.WithoutCancel(ctx), bucket) }()
	if there, err := w.bucketExists(ctx, bucket); err != nil || !there {
		return errorOrDifference(err, "the update deleted a bucket that was not empty")
	}
	if _, err := w.physicalID(ctx, id, "Bucket"); err == nil {
		return differencef("the stack still lists the bucket")
	}
	return nil
}
