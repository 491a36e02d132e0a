package dial

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

type queue struct {
	pollers []*taskqueue.PollerInfo
	err     error
}

func (q queue) DescribeTaskQueue(
	context.Context, string, enums.TaskQueueType,
) (*workflowservice.DescribeTaskQueueResponse, error) {
	return &workflowservice.DescribeTaskQueueResponse{Pollers: q.pollers}, q.err
}

func TestPollersAreThoseThatStillPoll(t *testing.T) {
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) // Another clock than this machine's.
	poller := func(identity string, ago time.Duration) *taskqueue.PollerInfo {
		return &taskqueue.PollerInfo{Identity: identity, LastAccessTime: timestamppb.New(at.Add(-ago))}
	}
	q := queue{
		pollers: []*taskqueue.PollerInfo{poller("gone", 4*time.Minute), poller("here", 0), poller("idle", time.Minute)},
	}
	got, err := Pollers(t.Context(), q, "perch-shop", enums.TASK_QUEUE_TYPE_WORKFLOW)
	if diff := cmp.Diff([]string{"here", "idle"}, got); diff != "" || err != nil {
		t.Errorf("pollers (-want +got), %v:\n%s", err, diff)
	}
	if _, err := Pollers(
		t.Context(), queue{err: errors.New("down")}, "perch-shop", enums.TASK_QUEUE_TYPE_WORKFLOW,
	); err == nil {
		t.Error("no error")
	}
}
