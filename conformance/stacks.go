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

// stackName returns the name of a stack of this check; suffix distinguishes several stacks.
func (w *World) stackName(suffix string) string {
	return Prefix + w.run + "-" + w.name + suffix
}

// creation returns the input that creates a stack of this check, with the run's tag.
func (w *World) creation(suffix, body string) *cloudformation.CreateStackInput {
	return &cloudformation.CreateStackInput{
		StackName: aws.String(w.stackName(suffix)), TemplateBody: &body, Tags: []types.Tag{{Key: aws.String(Tag),
			Value: &w.run}},
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	}
}

// begin starts to create a stack and records its id, so that the stack is deleted at the end.
func (w *World) begin(ctx context.Context, in *cloudformation.CreateStackInput) (id string, err error) {
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

// create creates a stack and waits until it is complete. A failed creation is not a Difference,
// because the check has not begun.
func (w *World) create(ctx context.Context, suffix, body string) (id string, err error) {
	return w.createAs(ctx, w.creation(suffix, body))
}

func (w *World) createAs(ctx context.Context, in *cloudformation.CreateStackInput) (id string, err error) {
	id, err = w.begin(ctx, in)
	if err != nil {
		return "", err
	}
	stack, err := w.settled(ctx, id)
	if err == nil && stack.StackStatus != types.StackStatusCreateComplete {
		err = fmt.Errorf("create stack %s: it is %s: %s", *in.StackName, stack.StackStatus, w.firstFailure(ctx, id))
	}
	return id, err
}

// update changes a stack's template and waits for a status.
func (w *World) update(ctx context.Context, id, body string, status types.StackStatus) error {
	_, err := w.stacks.UpdateStack(ctx, w.change(id, body))
	if err := wantAccepted("UpdateStack", err); err != nil {
		return err
	}
	return w.reach(ctx, id, status)
}

func (w *World) change(id, body string) *cloudformation.UpdateStackInput {
	return &cloudformation.UpdateStackInput{
		StackName: &id, TemplateBody: &body, Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	}
}

// remove requests a deletion and waits for a status.
func (w *World) remove(ctx context.Context, id string, status types.StackStatus) error {
	_, err := w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id})
	if err := wantAccepted("DeleteStack", err); err != nil {
		return err
	}
	return w.reach(ctx, id, status)
}

// reach waits until no operation of the stack is in progress, and checks its status.
func (w *World) reach(ctx context.Context, id string, status types.StackStatus) error {
	stack, err := w.settled(ctx, id)
	if err == nil && stack.StackStatus != status {
		err = differs("the stack is %s, want %s: %s", stack.StackStatus, status, w.firstFailure(ctx, id))
	}
	return err
}

// settled waits until no operation of a stack is in progress. It begins with a pause, because
// CloudFormation may answer with the status from before the last call.
func (w *World) settled(ctx context.Context, id string) (stack types.Stack, err error) {
	if err := w.pause(ctx); err != nil {
		return stack, err
	}
	err = w.until(ctx, "the stack "+id+" is in a final state", func() (bool, error) {
		stack, err = w.describe(ctx, id)
		// REVIEW_IN_PROGRESS only ends when the stack's change set is executed.
		busy := strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS") &&
			stack.StackStatus != types.StackStatusReviewInProgress
		return err == nil && !busy, err
	})
	return stack, err
}

func (w *World) describe(ctx context.Context, id string) (types.Stack, error) {
	out, err := w.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &id})
	if err != nil {
		return types.Stack{}, fmt.Errorf("describe stack %s: %w", id, err)
	}
	if len(out.Stacks) != 1 {
		return types.Stack{}, fmt.Errorf("describe stack %s: %d stacks", id, len(out.Stacks))
	}
	return out.Stacks[0], nil
}

// events returns a stack's events, oldest first.
func (w *World) events(ctx context.Context, id string) ([]types.StackEvent, error) {
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

// history returns a stack's events as "LogicalID STATUS", oldest first; the stack itself has the
// logical id "stack".
func (w *World) history(ctx context.Context, id string) ([]string, error) {
	events, err := w.events(ctx, id)
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

// firstFailure returns the reason of the first failed event; empty if there is none or it cannot be
// read.
func (w *World) firstFailure(ctx context.Context, id string) string {
	events, _ := w.events(ctx, id)
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
	return types.StackResource{}, differs("the stack %s has no resource %s", id, logicalID)
}

// physical returns the physical id of a resource.
func (w *World) physical(ctx context.Context, id, logicalID string) (string, error) {
	r, err := w.resource(ctx, id, logicalID)
	return aws.ToString(r.PhysicalResourceId), err
}

// wantOrder checks that lines contains wanted, in this order; other lines may come between.
func wantOrder(lines, wanted []string) error {
	rest := lines
	for _, line := range wanted {
		at := slices.Index(rest, line)
		if at < 0 {
			return differs("no event %q in its place: the events are %s", line, strings.Join(lines, ", "))
		}
		rest = rest[at+1:]
	}
	return nil
}

// missing reports whether err means that the stack does not exist.
func missing(err error) bool {
	var failure smithy.APIError
	return errors.As(err, &failure) && failure.ErrorCode() == "ValidationError" &&
		strings.Contains(failure.ErrorMessage(), "does not exist")
}
