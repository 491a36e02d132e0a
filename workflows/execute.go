package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch/activities/contract"
)

// heartbeatTimeout is how soon another worker takes over the activity of a dead one.
const heartbeatTimeout = 20 * time.Second

// pendingResult is an activity that has begun, with the type of its result.
type pendingResult[Out any] struct{ future workflow.Future }

// result waits for the activity's end.
func (p pendingResult[Out]) result(ctx workflow.Context) (out Out, err error) {
	err = p.future.Get(ctx, &out)
	return out, err
}

// beginActivity begins an activity on the queue and with the limits of its row. No other code
// begins one. The summary is shown in the Temporal UI.
func beginActivity[In, Out any](
	ctx workflow.Context, summary string, activity contract.Activity[In, Out], in In,
) pendingResult[Out] {
	limits := activity.Limits()
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           activity.Queue().Beside(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout: limits.Try, ScheduleToCloseTimeout: limits.Total, HeartbeatTimeout: heartbeatTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
		Summary: summary,
	})
	return pendingResult[Out]{workflow.ExecuteActivity(ctx, activity.Name(), in)}
}

// runActivity runs an activity to its end.
func runActivity[In, Out any](
	ctx workflow.Context, summary string, activity contract.Activity[In, Out], in In,
) (Out, error) {
	return beginActivity(ctx, summary, activity, in).result(ctx)
}

// runUnlessSuperseded runs an activity that may be abandoned at any time. A newer request ends it,
// at any wait: done is false then, and the activity is cancelled.
func runUnlessSuperseded[In, Out any](
	r *run, summary string, activity contract.Activity[In, Out], in In,
) (out Out, done bool, err error) {
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	pending := beginActivity(ctx, summary, activity, in)
	if !r.waitUnless(pending.future, r.superseded) {
		return out, false, nil
	}
	out, err = pending.result(r.ctx)
	return out, true, err
}
