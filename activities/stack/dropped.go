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

// AddDropped adds what updates of the stack left behind. The stack itself no longer names these
// resources. Its events do, for 90 days and also after its deletion (AWS docs:
// DescribeStackEvents).
func (r *Reader) AddDropped(ctx context.Context, stackID string, into *perch.StackContents) error {
	events, err := r.Events(ctx, stackID)
	for _, orphan := range droppedOrphans(events) {
		enterOrphan(into, orphan)
	}
	return err
}

// Events lists all events of the stack, newest first; none if CloudFormation does not know the
// stack.
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

// droppedOrphans returns the last event of each resource of which a cleanup, after an update or its
// rollback, has left something. events are newest first, as CloudFormation lists them. If a
// resource has a later event outside of a cleanup, it belongs to the stack again, because it was
// imported.
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

// mayRemain reports whether the cleanup left something of a resource. A deleted database may have
// left a snapshot, if the template requested one.
func mayRemain(event types.StackEvent) bool {
	switch event.ResourceStatus {
	case types.ResourceStatusDeleteSkipped, types.ResourceStatusDeleteFailed:
		return true
	case types.ResourceStatusDeleteComplete:
		return aws.ToString(event.ResourceType) == "AWS::RDS::DBInstance"
	}
	return false
}

// enterOrphan enters what an update left behind into the contents. It enters what the template
// keeps, DNS records and Beanstalk environments. It leaves out other resources, because
// verification finds them by the stack's tags. DNS records have no tags. A DNS record must be
// deleted even if the template keeps it.
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
