package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/cfn/forecast"
)

// MaxFailures is how many failed events an error message has.
const MaxFailures = 3

// eventLog collects the events of one operation on a stack, oldest first.
type eventLog struct {
	cfn     *cloudformation.Client
	stackID string
	token   string
	events  []types.StackEvent
	newest  string
}

func newEventLog(cfn *cloudformation.Client, stackID, token string) *eventLog {
	return &eventLog{cfn: cfn, stackID: stackID, token: token}
}

// read reads the events that are newer than the newest one it has. CloudFormation lists them newest
// first.
func (l *eventLog) read(ctx context.Context) error {
	var fresh []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(
		l.cfn,
		&cloudformation.DescribeStackEventsInput{StackName: &l.stackID},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, event := range page.StackEvents {
			if aws.ToString(event.EventId) == l.newest || l.before(event) {
				l.take(fresh)
				return nil
			}
			fresh = append(fresh, event)
			if l.begins(event) {
				l.take(fresh)
				return nil
			}
		}
	}
	l.take(fresh)
	return nil
}

// before reports whether event belongs to an earlier operation. All events that are listed after it
// then do, too.
func (l *eventLog) before(event types.StackEvent) bool {
	return l.token != "" && aws.ToString(event.ClientRequestToken) != l.token
}

// begins reports whether event is the first event of an operation that Perch did not start, and
// whose token is not known.
func (l *eventLog) begins(event types.StackEvent) bool {
	if l.token != "" || !IsStackEvent(event) {
		return false
	}
	switch event.ResourceStatus {
	case types.ResourceStatusCreateInProgress,
		types.ResourceStatusUpdateInProgress,
		types.ResourceStatusDeleteInProgress,
		types.ResourceStatusImportInProgress:
		return true
	}
	return false
}

func (l *eventLog) take(fresh []types.StackEvent) {
	for i := len(fresh) - 1; i >= 0; i-- {
		l.events = append(l.events, fresh[i])
	}
	if len(fresh) > 0 {
		l.newest = aws.ToString(fresh[0].EventId)
	}
}

// concludes reports whether the operation's last stack event has this status.
func (l *eventLog) concludes(status string) bool {
	for i := len(l.events) - 1; i >= 0; i-- {
		if IsStackEvent(l.events[i]) {
			return string(l.events[i].ResourceStatus) == status
		}
	}
	return false
}

// deletesResource reports whether the operation has begun to delete a resource of the stack.
func (l *eventLog) deletesResource() bool { return slices.ContainsFunc(l.events, DeletesResource) }

// DeletesResource reports whether the event shows that a resource, and not the stack, is being
// deleted.
func DeletesResource(event types.StackEvent) bool {
	return !IsStackEvent(event) && event.ResourceStatus == types.ResourceStatusDeleteInProgress
}

// IsStackEvent reports whether the event is about the stack itself, and not about a resource.
func IsStackEvent(event types.StackEvent) bool {
	return aws.ToString(event.PhysicalResourceId) == aws.ToString(event.StackId)
}

// describe enters into p how far the operation is.
func (l *eventLog) describe(p *perch.Progress) {
	last := map[string]string{}
	for _, event := range l.events {
		if !IsStackEvent(event) {
			last[aws.ToString(event.LogicalResourceId)] = string(event.ResourceStatus)
			p.Resource, p.ResourceStatus = aws.ToString(event.LogicalResourceId), string(event.ResourceStatus)
		}
	}
	p.Done = 0
	for _, status := range last {
		if strings.HasSuffix(status, "_COMPLETE") || status == "DELETE_SKIPPED" {
			p.Done++
		}
	}
	p.Total = max(p.Total, len(last))
	p.Cursor, p.Reason, p.Awaited = l.newest, l.failure(), l.awaited()
}

// awaited returns the resource in progress that is expected to finish last; nil if none is in
// progress. If two are expected to finish at the same time, it returns the one that began first.
func (l *eventLog) awaited() *perch.AwaitedResource {
	var awaited *perch.AwaitedResource
	for _, each := range l.inProgress() {
		if awaited == nil || expectedEnd(each).After(expectedEnd(*awaited)) {
			awaited = &each
		}
	}
	return awaited
}

// inProgress returns the resources that CloudFormation is working on, in the order in which it
// began.
func (l *eventLog) inProgress() []perch.AwaitedResource {
	var working []perch.AwaitedResource
	status := map[string]types.ResourceStatus{}
	for _, event := range l.events {
		id := aws.ToString(event.LogicalResourceId)
		if IsStackEvent(event) || status[id] == event.ResourceStatus {
			continue // CREATE_IN_PROGRESS comes twice: at the beginning, and when there is a physical id.
		}
		status[id] = event.ResourceStatus
		working = slices.DeleteFunc(working, func(r perch.AwaitedResource) bool { return r.LogicalID == id })
		if strings.HasSuffix(string(event.ResourceStatus), "_IN_PROGRESS") {
			working = append(working, perch.AwaitedResource{
				LogicalID: id, Type: aws.ToString(event.ResourceType), Since: aws.ToTime(event.Timestamp).UTC(),
				TypicalSeconds: typicalSeconds(aws.ToString(event.ResourceType), event.ResourceStatus),
			})
		}
	}
	return working
}

// typicalSeconds returns how long CloudFormation typically works on a resource of this type while
// it has this status.
func typicalSeconds(resourceType string, status types.ResourceStatus) float64 {
	times, _ := forecast.Typical(resourceType)
	switch status {
	case types.ResourceStatusUpdateInProgress:
		return times.Update
	case types.ResourceStatusDeleteInProgress:
		return times.Remove
	}
	return times.Create
}

func expectedEnd(r perch.AwaitedResource) time.Time {
	return r.Since.Add(time.Duration(r.TypicalSeconds * float64(time.Second)))
}

// failure returns the first failed events in words. They have the cause: most later ones are
// cancellations.
func (l *eventLog) failure() string {
	var reasons []string
	for _, event := range l.events {
		reason := aws.ToString(event.ResourceStatusReason)
		if !strings.HasSuffix(string(event.ResourceStatus), "_FAILED") ||
			strings.Contains(strings.ToLower(reason), "cancelled") ||
			(IsStackEvent(event) && len(reasons) > 0) {
			continue
		}
		if len(reasons) < MaxFailures {
			reasons = append(
				reasons,
				fmt.Sprintf(
					"%s (%s): %s",
					aws.ToString(event.LogicalResourceId),
					aws.ToString(event.ResourceType),
					reason,
				),
			)
		}
	}
	return strings.Join(reasons, "; ")
}

// Began reports whether the stack's latest events have the call's token.
func (r *Reader) Began(ctx context.Context, stackID, token string) (bool, error) {
	page, err := r.cfn.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &stackID})
	if awserr.UnknownStack(err) {
		return false, nil
	}
	if err != nil {
		return false, awserr.Wrap(err, "list events of stack %s", stackID)
	}
	return slices.ContainsFunc(page.StackEvents, func(e types.StackEvent) bool {
		return aws.ToString(e.ClientRequestToken) == token
	}), nil
}
