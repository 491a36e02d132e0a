package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/lifecycle"
)

const (
	// beat is the longest time between two heartbeats; the heartbeat timeout of waits is 20 seconds.
	beat = 6 * time.Second
	// staleReads is how long a stack may look as if the call that was just made had not happened. Reads of CloudFormation are
	// eventually consistent.
	staleReads = 30 * time.Second
	// fewWaits is up to how many waits at a time each one's events are read for its progress.
	fewWaits = 5
)

// AwaitInput names the operation to wait for.
type AwaitInput struct {
	// StackID is the stack's id.
	StackID string `json:"stack_id"`
	// Token is the ClientRequestToken of the operation; empty for an operation that somebody else began.
	Token string `json:"token,omitempty"`
	// Total is how many resources the operation concerns; 0 where it is not known.
	Total int `json:"total,omitempty"`
}

// AwaitResult is how the operation ended.
type AwaitResult struct {
	// Status is the stack's final status.
	Status string `json:"status"`
	// Reason holds the first failed events, empty where nothing failed.
	Reason string `json:"reason,omitempty"`
}

// AwaitStack waits until the operation on the stack is over, however it ended. Its heartbeats are a perch.Progress.
func (s *Stacks) AwaitStack(ctx context.Context, in AwaitInput) (AwaitResult, error) {
	w := &wait{stacks: s, in: in, events: newEventLog(s.cfn, in.StackID, in.Token), progress: perch.Progress{Total: in.Total, Since: time.Now().UTC()}}
	w.resume(ctx)
	sightings, stop := s.poller.watch(in.StackID)
	defer stop()
	timer := time.NewTicker(beat)
	defer timer.Stop()
	for {
		activity.RecordHeartbeat(ctx, w.progress)
		select {
		case <-ctx.Done():
			return AwaitResult{}, ctx.Err()
		case <-timer.C:
		case seen := <-sightings:
			if result, done, err := w.judge(ctx, seen); done || err != nil {
				return result, err
			}
		}
	}
}

type wait struct {
	stacks   *Stacks
	in       AwaitInput
	events   *eventLog
	progress perch.Progress
	failures int
	// doubt is when the stack first looked as if the operation had not begun.
	doubt time.Time
}

func (w *wait) resume(ctx context.Context) {
	var earlier perch.Progress
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &earlier) == nil && !earlier.Since.IsZero() {
		w.progress.Since = earlier.Since
	}
}

// judge decides by one sighting whether the wait is over.
func (w *wait) judge(ctx context.Context, seen sighting) (AwaitResult, bool, error) {
	if seen.err != nil {
		return AwaitResult{}, false, w.tolerate(seen.err)
	}
	w.failures = 0
	if !seen.found {
		if w.doubtful() {
			return AwaitResult{}, false, nil
		}
		return AwaitResult{}, false, fmt.Errorf("describe stack %s: it does not exist", w.in.StackID)
	}
	status := string(seen.stack.StackStatus)
	w.progress.Status = status
	final := !lifecycle.InProgress(status)
	if final || w.stacks.poller.waiting() <= fewWaits {
		if err := w.events.read(ctx); err != nil {
			return AwaitResult{}, false, w.tolerate(err)
		}
		w.events.describe(&w.progress)
	}
	if !final || (!w.events.concludes(status) && w.doubtful()) {
		return AwaitResult{}, false, nil
	}
	return AwaitResult{Status: status, Reason: w.reason(seen.stack)}, true, nil
}

func (w *wait) reason(stack types.Stack) string {
	if reason := w.events.failure(); reason != "" {
		return reason
	}
	if strings.HasSuffix(string(stack.StackStatus), "_COMPLETE") {
		return ""
	}
	return aws.ToString(stack.StackStatusReason)
}

// tolerate lets passing faults pass: throttling and lost connections are for the next tick, what no retry mends is returned at once.
func (w *wait) tolerate(err error) error {
	w.failures++
	if failure := awsFailure(err, "describe stack %s", w.in.StackID); denied(err) || w.failures > 20 {
		return failure
	}
	return nil
}

// doubtful reports whether a sighting that contradicts the operation may still be a stale read.
func (w *wait) doubtful() bool {
	if w.doubt.IsZero() {
		w.doubt = time.Now()
	}
	return time.Since(w.doubt) < staleReads
}
