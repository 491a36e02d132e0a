package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch/activities/contract"
)

// heartbeatTimeout is the time after which another worker takes over an activity whose worker died.
const heartbeatTimeout = 20 * time.Second

// pendingResult is a started activity, with the type of its result.
type pendingResult[Out any] struct{ future workflow.Future }

// result waits for the end of the activity.
func (p pendingResult[Out]) result(ctx workflow.Context) (out Out, err error) {
	err = p.future.Get(ctx, &out)
	return out, err
}

// beginActivity starts an activity with the queue and limits in its row. No other code starts one.
// The Temporal UI shows the summary.
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

// runActivity runs an activity and waits for its result.
func runActivity[In, Out any](
	ctx workflow.Context, summary string, activity contract.Activity[In, Out], in In,
) (Out, error) {
	return beginActivity(ctx, summary, activity, in).result(ctx)
}

// runUnlessSuperseded runs an activity that may be cancelled at any time. If a newer request
// arrives, it cancels the activity and returns false for done.
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
