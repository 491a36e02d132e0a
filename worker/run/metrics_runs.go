package run

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
)

// Outcomes of runs that are not a perch.Outcome.
const (
	outcomeCompleted = "completed"
	outcomeBraked    = "braked"
	outcomeHeld      = "held"
	outcomeCancelled = "cancelled"
)

// counting is an interceptor that counts the outcomes of runs and measures activities. The
// workflows cannot count, because a replay would count again.
type counting struct {
	interceptor.InterceptorBase
	metrics *metrics
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (c *counting) InterceptWorkflow(
	_ workflow.Context, next interceptor.WorkflowInboundInterceptor,
) interceptor.WorkflowInboundInterceptor {
	return &countingRuns{interceptor.WorkflowInboundInterceptorBase{Next: next}, c.metrics}
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (c *counting) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	return &countingActivities{interceptor.ActivityInboundInterceptorBase{Next: next}, c.metrics}
}

type countingRuns struct {
	interceptor.WorkflowInboundInterceptorBase
	metrics *metrics
}

// ExecuteWorkflow counts the end of a run, except in a replay.
func (c *countingRuns) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := c.Next.ExecuteWorkflow(ctx, in)
	if !workflow.IsReplaying(ctx) {
		c.metrics.runs.WithLabelValues(workflow.GetInfo(ctx).WorkflowType.Name, outcome(result, err)).Inc()
	}
	return result, err
}

// outcome returns how a run ended, in one word. A run that continues as the next run counts as
// superseded, regardless of how it ended.
func outcome(result any, err error) string {
	var handedOn *workflow.ContinueAsNewError
	switch {
	case errors.As(err, &handedOn):
		return string(perch.OutcomeSuperseded)
	case temporal.IsCanceledError(err):
		return outcomeCancelled
	case err != nil:
		return string(perch.OutcomeFailed)
	}
	switch r := result.(type) {
	case *perch.Result:
		return string(r.Outcome)
	case *perch.CleanupResult:
		return cleanupOutcome(r)
	}
	return outcomeCompleted
}

func cleanupOutcome(r *perch.CleanupResult) string {
	switch {
	case r.Problem != "":
		return outcomeHeld
	case r.Brake != nil:
		return outcomeBraked
	}
	return outcomeCompleted
}

type countingActivities struct {
	interceptor.ActivityInboundInterceptorBase
	metrics *metrics
}

// ExecuteActivity records how long a stack took and counts the verdicts of a cleanup plan. The time
// of a stack begins when the first attempt to wait for it is scheduled.
func (c *countingActivities) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	result, err := c.Next.ExecuteActivity(ctx, in)
	if err != nil {
		return result, err
	}
	switch r := result.(type) {
	case contract.AwaitResult:
		c.metrics.stackSeconds.WithLabelValues(r.Status).
			Observe(time.Since(activity.GetInfo(ctx).ScheduledTime).Seconds())
	case contract.PlanResult:
		for _, v := range r.Verdicts {
			c.metrics.verdicts.WithLabelValues(string(v.Verdict)).Inc()
		}
	}
	return result, nil
}
