package stack

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
)

// AddDropped adds what updates of the stack have left behind. The stack does not name it any more,
// neither before its deletion nor afterwards; its events do, for 90 days, and they are there when
// it is deleted, too (AWS docs: DescribeStackEvents).
func (r *Reader) AddDropped(ctx context.Context, stackID string, into *perch.StackContents) error {
	events, err := r.Events(ctx, stackID)
	for _, orphan := range droppedOrphans(events) {
		enterOrphan(into, orphan)
	}
	return err
}

// Events are all events of the stack, newest first; none if CloudFormation does not know the stack.
func (r *Reader) Events(ctx context.Context, stackID string) (events []types.StackEvent, err error) {
	pages := cloudformation.NewDescribeStackEventsPaginator(
		r.cfn,
		&cloudformation.DescribeStackEventsInput{StackName: &stackID},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awserr.UnknownStack(err) {
			return nil, nil
		}
		if err != nil {
			return nil, awserr.Wrap(err, "list events of stack %s", stackID)
		}
		events = append(events, page.StackEvents...)
	}
	return events, nil
}

// droppedOrphans are the last events of what the cleanup after an update, or after its rollback,
// has left something of. events come as CloudFormation gives them, newest first. What something
// happened to afterwards belongs to the stack again: it was imported.
func droppedOrphans(events []types.StackEvent) []types.StackEvent {
	left := map[string]types.StackEvent{}
	cleaningUp := false
	for _, event := range slices.Backward(events) {
		key := aws.ToString(event.ResourceType) + " " + aws.ToString(event.PhysicalResourceId)
		switch {
		case IsStackEvent(event):
			cleaningUp = strings.HasSuffix(string(event.ResourceStatus), "_CLEANUP_IN_PROGRESS")
		case cleaningUp && mayRemain(event):
			left[key] = event
		default:
			delete(left, key)
		}
	}
	var sorted []types.StackEvent
	for _, key := range slices.Sorted(maps.Keys(left)) {
		sorted = append(sorted, left[key])
	}
	return sorted
}

// mayRemain reports whether something stays of a resource that a cleanup has come to. Of a database
// that is deleted a snapshot may, where the template said so.
func mayRemain(event types.StackEvent) bool {
	switch event.ResourceStatus {
	case types.ResourceStatusDeleteSkipped, types.ResourceStatusDeleteFailed:
		return true
	case types.ResourceStatusDeleteComplete:
		return aws.ToString(event.ResourceType) == "AWS::RDS::DBInstance"
	}
	return false
}

// enterOrphan enters what an update has left behind into the contents. What the template asked to
// keep is kept, and what else carries the stack's tags is found by them; only records have none,
// and those of environments are not looked at. A record must be deleted, even if it was wanted.
func enterOrphan(c *perch.StackContents, event types.StackEvent) {
	kind, id := aws.ToString(event.ResourceType), aws.ToString(event.PhysicalResourceId)
	switch {
	case kind == "AWS::Route53::RecordSet":
		c.Records = append(c.Records, id)
	case event.ResourceStatus == types.ResourceStatusDeleteSkipped:
		c.Kept = append(c.Kept, perch.KeptResource{Type: kind, ID: id})
	case event.ResourceStatus == types.ResourceStatusDeleteComplete:
		c.Kept = append(c.Kept, perch.KeptResource{Type: kind, ID: id, Snapshot: true})
	case kind == "AWS::ElasticBeanstalk::Environment":
		c.Environments = append(c.Environments, id)
	}
}
