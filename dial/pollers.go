package dial

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// pollGap is how long after its last poll a worker counts as gone. Temporal ends an idle poll after
// a minute, and remembers a poller for some minutes after its end.
const pollGap = 2 * time.Minute

// describer is what Pollers needs of a Temporal client.
type describer interface {
	DescribeTaskQueue(context.Context, string, enums.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error)
}

var _ describer = client.Client(nil)

// Pollers are the identities of the workers that poll queue. The newest poll is the measure of
// which of them are still there, so that clocks that differ do not matter.
func Pollers(ctx context.Context, temporal describer, queue string, kind enums.TaskQueueType) ([]string, error) {
	description, err := temporal.DescribeTaskQueue(ctx, queue, kind)
	if err != nil {
		return nil, fmt.Errorf("describe task queue %s: %w", queue, Plain(err))
	}
	var newest time.Time
	for _, poller := range description.GetPollers() {
		if at := poller.GetLastAccessTime().AsTime(); at.After(newest) {
			newest = at
		}
	}
	var identities []string
	for _, poller := range description.GetPollers() {
		if newest.Sub(poller.GetLastAccessTime().AsTime()) < pollGap {
			identities = append(identities, poller.GetIdentity())
		}
	}
	return identities, nil
}
