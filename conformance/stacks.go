package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// stackName returns the name of a stack of this check. suffix distinguishes the stacks of one
// check.
func (w *World) stackName(suffix string) string {
	return Prefix + w.run + "-" + w.name + suffix
}

// createInput returns the input of CreateStack for a stack of this check, with the run's tag.
func (w *World) createInput(suffix, body string) *cloudformation.CreateStackInput {
	return &cloudformation.CreateStackInput{
		StackName: aws.String(w.stackName(suffix)), TemplateBody: &body, Tags: []types.Tag{{Key: aws.String(Tag),
			Value: &w.run}},
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	}
}

// startCreate calls CreateStack, and records the stack's id so that cleanUp deletes the stack.
func (w *World) startCreate(ctx context.Context, in *cloudformation.CreateStackInput) (id string, err error) {
	out, err := w.stacks.CreateStack(ctx, in)
	if err := wantAccepted("CreateStack", err); err != nil {
		return "", err
	}
	id = aws.ToString(out.StackId)
	if !slices.Contains(w.created, id) {
		w.created = append(w.created, id)
	}
	return id, nil
}

// createStack creates a stack, and waits until it is complete. Its error is not a Difference,
// because the check has not tested anything yet.
func (w *World) createStack(ctx context.Context, suffix, body string) (id string, err error) {
	return w.createStackFrom(ctx, w.createInput(suffix, body))
}

func (w *World) createStackFrom(ctx context.Context, in *cloudformation.CreateStackInput) (id string, err error) {
	id, err = w.startCreate(ctx, in)
	if err != nil {
		return "", err
	}
	stack, err := w.waitForEnd(ctx, id)
	if err == nil && stack.StackStatus != types.StackStatusCreateComplete {
		err = fmt.Errorf("create stack %s: it is %s: %s", *in.StackName, stack.StackStatus, w.firstFailure(ctx, id))
	}
	return id, err
}

// updateStack updates a stack's template, waits until the operation ends, and checks the stack's
// status.
func (w *World) updateStack(ctx context.Context, id, body string, status types.StackStatus) error {
	_, err := w.stacks.UpdateStack(ctx, w.updateInput(id, body))
	if err := wantAccepted("UpdateStack", err); err != nil {
		return err
	}
	return w.wantStatus(ctx, id, status)
}

func (w *World) updateInput(id, body string) *cloudformation.UpdateStackInput {
	return &cloudformation.UpdateStackInput{
		StackName: &id, TemplateBody: &body, Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	}
}

// deleteStack deletes a stack, waits until the operation ends, and checks the stack's status.
func (w *World) deleteStack(ctx context.Context, id string, status types.StackStatus) error {
	_, err := w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id})
	if err := wantAccepted("DeleteStack", err); err != nil {
		return err
	}
	return w.wantStatus(ctx, id, status)
}

// wantStatus waits until no operation of the stack is in progress, and checks the stack's status.
func (w *World) wantStatus(ctx context.Context, id string, status types.StackStatus) error {
	stack, err := w.waitForEnd(ctx, id)
	if err == nil && stack.StackStatus != status {
		err = differencef("the stack is %s, want %s: %s", stack.StackStatus, status, w.firstFailure(ctx, id))
	}
	return err
}

// waitForEnd waits until no operation of a stack is in progress. It begins with a pause, because
// DescribeStacks may still return the status from before the last call.
func (w *World) waitForEnd(ctx context.Context, id string) (stack types.Stack, err error) {
	if err := w.pause(ctx); err != nil {
		return stack, err
	}
	err = w.waitUntil(ctx, "the stack "+id+" is in a final state", func() (bool, error) {
		stack, err = w.describeStack(ctx, id)
		// REVIEW_IN_PROGRESS ends only when someone executes the stack's change set.
		busy := strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS") &&
			stack.StackStatus != types.StackStatusReviewInProgress
		return err == nil && !busy, err
	})
	return stack, err
}

func (w *World) describeStack(ctx context.Context, id string) (types.Stack, error) {
	out, err := w.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &id})
	if err != nil {
		return types.Stack{}, fmt.Errorf("describe stack %s: %w", id, err)
	}
	if len(out.Stacks) != 1 {
		return types.Stack{}, fmt.Errorf("describe stack %s: got %d stacks, want 1", id, len(out.Stacks))
	}
	return out.Stacks[0], nil
}

// stackEvents returns a stack's events, oldest first.
func (w *World) stackEvents(ctx context.Context, id string) ([]types.StackEvent, error) {
	var all []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(w.stacks,
		&cloudformation.DescribeStackEventsInput{StackName: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe events of stack %s: %w", id, err)
		}
		all = append(all, page.StackEvents...)
	}
	slices.Reverse(all)
	return all, nil
}

// eventLines returns a stack's events in the form "LogicalID STATUS", oldest first. It writes
// "stack" for the logical id of the stack.
func (w *World) eventLines(ctx context.Context, id string) ([]string, error) {
	events, err := w.stackEvents(ctx, id)
	var lines []string
	for _, e := range events {
		name := aws.ToString(e.LogicalResourceId)
		if aws.ToString(e.PhysicalResourceId) == id {
			name = "stack"
		}
		lines = append(lines, name+" "+string(e.ResourceStatus))
	}
	return lines, err
}

// firstFailure returns the logical id and the reason of the first failed event. The result is empty
// if there is no failed event, or if the events cannot be read.
func (w *World) firstFailure(ctx context.Context, id string) string {
	events, _ := w.stackEvents(ctx, id)
	for _, e := range events {
		if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") {
			return aws.ToString(e.LogicalResourceId) + ": " + aws.ToString(e.ResourceStatusReason)
		}
	}
	return ""
}

// resource returns one resource of a stack.
func (w *World) resource(ctx context.Context, id, logicalID string) (types.StackResource, error) {
	out, err := w.stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &id})
	if err != nil {
		return types.StackResource{}, fmt.Errorf("describe resources of stack %s: %w", id, err)
	}
	for _, r := range out.StackResources {
		if aws.ToString(r.LogicalResourceId) == logicalID {
			return r, nil
		}
	}
	return types.StackResource{}, differencef("the stack %s has no resource %s", id, logicalID)
}

// physicalID returns the physical id of a resource.
func (w *World) physicalID(ctx context.Context, id, logicalID string) (string, error) {
	r, err := w.resource(ctx, id, logicalID)
	return aws.ToString(r.PhysicalResourceId), err
}

// wantOrder checks that lines contains wanted in the same order. Other lines may come between them.
func wantOrder(lines, wanted []string) error {
	rest := lines
	for _, line := range wanted {
		at := slices.Index(rest, line)
		if at < 0 {
			return differencef(
				"the event %q is missing or in the wrong order: the events are %s", line, strings.Join(lines, ", "),
			)
		}
		rest = rest[at+1:]
	}
	return nil
}

// isMissing reports whether err means that the stack does not exist.
func isMissing(err error) bool {
	var failure smithy.APIError
	return errors.As(err, &failure) && failure.ErrorCode() == "ValidationError" &&
		strings.Contains(failure.ErrorMessage(), "does not exist")
}
