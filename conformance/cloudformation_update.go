package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var updateBeliefs = []Belief{
	{
		Name:     "cloudformation/nothing-to-update",
		Sentence: "UpdateStack with the same template is a ValidationError `No updates are to be performed.`",
		Source:   recorded, ReliedOn: "activities/change/change.go", Minutes: 2, check: checkNothingToUpdate,
	},
	{
		Name: "cloudformation/events-of-an-update",
		Sentence: "Every update goes through UPDATE_COMPLETE_CLEANUP_IN_PROGRESS before UPDATE_COMPLETE, even with " +
			"nothing to clean up.",
		Source: recorded, ReliedOn: "lifecycle/next.go", Minutes: 2, check: checkUpdateEvents,
	},
	{
		Name:     "cloudformation/outputs-only",
		Sentence: "An update that changes outputs only is accepted.",
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
		Sentence: "A replaced resource has UPDATE statuses for its new id; its old id is deleted after " +
			"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS.",
		Source: recorded, ReliedOn: "activities/stack/events.go", Minutes: 3, check: checkReplacement,
	},
	{
		Name:     "cloudformation/update-rolls-back",
		Sentence: "An update whose resource fails ends UPDATE_ROLLBACK_COMPLETE, with the previous template.",
		Source:   recorded, ReliedOn: "lifecycle/next.go", Minutes: 5, check: checkUpdateRollsBack,
	},
	{
		Name:     "cloudformation/no-update-during-a-creation",
		Sentence: "UpdateStack during a creation is a ValidationError `can not be updated`.",
		Source:   guide + "cfn-whatis-concepts.html",
		ReliedOn: "lifecycle/next.go", Minutes: 3, check: checkNoUpdateDuringCreation,
	},
	{
		Name:     "cloudformation/cancel-an-update",
		Sentence: "CancelUpdateStack during an update rolls it back: UPDATE_ROLLBACK_COMPLETE.",
		Source:   stackAPI + "API_CancelUpdateStack.html",
		ReliedOn: "activities/change/change.go", Minutes: 4, check: checkCancelUpdate,
	},
	{
		Name: "cloudformation/cancel-too-late",
		Sentence: "CancelUpdateStack without an update is a ValidationError `cannot be called from current " +
			"stack status`.",
		Source: recorded, ReliedOn: "activities/change/change.go", Minutes: 2, check: checkCancelTooLate,
	},
	{
		Name:     "cloudformation/nothing-to-continue",
		Sentence: "ContinueUpdateRollback of a stack that is not UPDATE_ROLLBACK_FAILED is a ValidationError.",
		Source:   stackAPI + "API_ContinueUpdateRollback.html", ReliedOn: "activities/change/change.go", Minutes: 2,
		check: checkNothingToContinue,
	},
	{
		Name: "cloudformation/cleanup-fails",
		Sentence: "An update that cannot delete a removed bucket is UPDATE_COMPLETE all the same, and the stack no " +
			"longer knows the bucket.",
		Source: recorded, ReliedOn: "activities/bucket/sweep.go", Minutes: 9, check: checkCleanupFails,
	},
}

func checkNothingToUpdate(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	_, err = w.stacks.UpdateStack(ctx, w.change(id, parameter("1")))
	return wantRejected("UpdateStack", err, "ValidationError", "No updates are to be performed.")
}

func checkUpdateEvents(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	if err := w.update(ctx, id, parameter("2"), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	lines, err := w.history(ctx, id)
	if err != nil {
		return err
	}
	return wantOrder(lines, []string{
		"stack UPDATE_IN_PROGRESS", "Thing UPDATE_IN_PROGRESS", "Thing UPDATE_COMPLETE",
		"stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "stack UPDATE_COMPLETE",
	})
}

func checkOutputsOnly(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	body := parameter("1") + "\nOutputs: {Name: {Value: !Ref Thing}}"
	if err := w.update(ctx, id, body, types.StackStatusUpdateComplete); err != nil {
		return err
	}
	stack, err := w.describe(ctx, id)
	if err == nil && len(stack.Outputs) != 1 {
		err = differs("the stack has %d outputs, want 1", len(stack.Outputs))
	}
	return err
}

func checkTagsKept(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	if err := w.update(ctx, id, parameter("2"), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	stack, err := w.describe(ctx, id)
	if err != nil {
		return err
	}
	if len(stack.Tags) != 1 || aws.ToString(stack.Tags[0].Key) != Tag || aws.ToString(stack.Tags[0].Value) != w.run {
		return differs("the stack has %d tags, want the one that it was created with", len(stack.Tags))
	}
	return nil
}

func checkReplacement(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", template(named(w.stackName("-old"), `"1"`)))
	if err != nil {
		return err
	}
	if err := w.update(
		ctx, id, template(named(w.stackName("-new"), `"1"`)), types.StackStatusUpdateComplete,
	); err != nil {
		return err
	}
	events, err := w.events(ctx, id)
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
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	if err := w.update(ctx, id, template(thing("2"), failing), types.StackStatusUpdateRollbackComplete); err != nil {
		return err
	}
	out, err := w.stacks.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &id})
	if err := wantAccepted("GetTemplate", err); err != nil {
		return err
	}
	if got := aws.ToString(out.TemplateBody); got != parameter("1") {
		return differs("the template after the rollback is %q", got)
	}
	return nil
}

func checkNoUpdateDuringCreation(ctx context.Context, w *World) error {
	release, err := w.hold(ctx, "Bucket", "create", w.stackName(""))
	if err != nil {
		return err
	}
	defer func() { _ = release() }()
	id, err := w.begin(ctx, w.creation("", template(plainBucket)))
	if err != nil {
		return err
	}
	_, err = w.stacks.UpdateStack(ctx, w.change(id, parameter("1")))
	return wantRejected("UpdateStack", err, "ValidationError", "is in CREATE_IN_PROGRESS state and can not be updated")
}

// checkCancelUpdate cancels an update that creates a bucket, because on AWS that takes long enough
// to be cancelled.
func checkCancelUpdate(ctx context.Context, w *World) error {
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
	_, err = w.stacks.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: &id})
	if err := wantAccepted("CancelUpdateStack", err); err != nil {
		return err
	}
	if err := release(); err != nil {
		return err
	}
	return w.reach(ctx, id, types.StackStatusUpdateRollbackComplete)
}

func checkCancelTooLate(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	_, err = w.stacks.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: &id})
	return wantRejected("CancelUpdateStack", err, "ValidationError",
		"CancelUpdateStack cannot be called from current stack status")
}

func checkNothingToContinue(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", parameter("1"))
	if err != nil {
		return err
	}
	_, err = w.stacks.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &id})
	return wantRejected("ContinueUpdateRollback", err, "ValidationError", "")
}

func checkCleanupFails(ctx context.Context, w *World) error {
	body := template(thing("1"), plainBucket)
	id, err := w.create(ctx, "", body)
	if err != nil {
		return err
	}
	bucket, err := w.filled(ctx, id)
	if err != nil {
		return err
	}
	if err := w.update(ctx, id, parameter("1"), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	defer func() { _ = w.removeBucket(context.WithoutCancel(ctx), bucket) }()
	if there, err := w.bucketExists(ctx, bucket); err != nil || !there {
		return orDiffers(err, "the update deleted a bucket that was not empty")
	}
	if _, err := w.physical(ctx, id, "Bucket"); err == nil {
		return differs("the stack still lists the bucket")
	}
	return nil
}
