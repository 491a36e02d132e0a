package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/admit"
	"perch/activities/contract"
	"perch/activities/reporting"
)

// Requests has the activities that decide what a request leads to.
type Requests struct {
	admitter *admit.Admitter
	reporter *reporting.Reporter
}

// Admit checks a request against the policy, before any call that changes something. If it admits
// an `up`, it renders the template and reads the stack, so that the run can begin with its first
// change. It enters a rejected removal into the environment's timeline, because the run does not
// report it.
func (r *Requests) Admit(ctx context.Context, in contract.AdmitInput) (contract.AdmitResult, error) {
	out, err := r.admitter.Admit(ctx, in)
	if out.Rejection != nil && in.Request.Goal == perch.GoalGone {
		info := activity.GetInfo(ctx)
		r.reporter.EnterRejected(ctx, in.Request, reporting.Rejected{
			RunID: info.WorkflowExecution.RunID, At: info.StartedTime.UTC(), Reason: out.Rejection.Reason,
		})
	}
	return out, err
}

// PlanEnvironment says what an `up` would do. It stores and changes nothing.
func (r *Requests) PlanEnvironment(ctx context.Context, in perch.PlanInput) (perch.PlanResult, error) {
	return r.admitter.Plan(ctx, in)
}

// Images has the activity that waits for an image.
type Images struct{ images *admit.Images }

// AwaitImage waits until the image is in its registry, or until the registry cannot be asked.
func (i *Images) AwaitImage(ctx context.Context, in contract.ImageInput) (contract.ImageResult, error) {
	return i.images.Await(ctx, in)
}

// sinceScheduled returns how long ago the activity was scheduled, over all its attempts and by the
// Temporal server's clock.
func sinceScheduled(ctx context.Context) time.Duration {
	info := activity.GetInfo(ctx)
	return info.StartedTime.Sub(info.ScheduledTime)
}
