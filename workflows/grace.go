package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities"
)

// grace waits out the grace period of a removal that cleanup asked for, and then looks once more. It reports false where the target ends
// here: a newer request waits, or the environment is to be kept. A removal that somebody asked for is due at once.
func (r *run) grace() (due bool, err error) {
	if r.target.Judged == nil {
		return true, nil
	}
	r.boundGrace()
	if err := r.show(perch.PhaseGrace); err != nil {
		return false, err
	}
	if err := r.waitOut(); err != nil || r.overtaken() {
		return false, err
	}
	out, done, err := r.lastLook()
	if !done || err != nil {
		return false, err
	}
	if out.Keep != "" {
		r.result.Outcome, r.result.Reason = perch.OutcomeKept, out.Keep
		return false, nil
	}
	if r.overtaken() && r.newer.Goal == perch.GoalUp {
		return false, nil
	}
	r.decide()
	return true, nil
}

// boundGrace cuts the grace period to the longest that a policy may have: anybody who reaches Temporal can send
// a removal with any end.
func (r *run) boundGrace() {
	if latest := workflow.Now(r.ctx).Add(perch.MaxGrace); r.target.Judged.Until.After(latest) {
		judged := *r.target.Judged
		judged.Until = latest
		r.target.Judged = &judged
	}
}

// lastLook looks at the branch and the stack again. A newer request ends it: done is false then.
func (r *run) lastLook() (out activities.LastLookResult, done bool, err error) {
	in := activities.LastLookInput{Project: r.environment.Project, Branch: r.environment.Branch, Judged: *r.target.Judged}
	done, err = r.interruptible(func(ctx workflow.Context) workflow.Future {
		return brief(ctx, sourcePatience, "look once more at branch "+r.environment.Branch, cleanups.LastLook, in)
	}, &out)
	return out, done, err
}

// waitOut waits until the grace period ends or a newer request does.
func (r *run) waitOut() error {
	for r.newer == nil {
		until := r.target.Judged.Until
		if !until.After(workflow.Now(r.ctx)) {
			return nil
		}
		if err := r.waitUntil(until); err != nil {
			return err
		}
	}
	return nil
}

// waitUntil waits for the instant, and stops where a request changes what is waited for. It fails where the run is cancelled.
func (r *run) waitUntil(until time.Time) error {
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(ctx, until.Sub(workflow.Now(r.ctx)), workflow.TimerOptions{Summary: "grace period of branch " + r.environment.Branch})
	selector := workflow.NewSelector(r.ctx).
		AddFuture(timer, func(workflow.Future) {}).
		AddReceive(r.requests, func(workflow.ReceiveChannel, bool) { r.drain() })
	for r.newer == nil && !timer.IsReady() && r.target.Judged.Until.Equal(until) {
		selector.Select(r.ctx)
	}
	if !timer.IsReady() {
		return nil
	}
	return timer.Get(r.ctx, nil)
}

// hasten brings the end of the grace period forward to that of request, which the run answers too.
func (r *run) hasten(request perch.Request) {
	if request.Judged != nil && r.target.Judged != nil && request.Judged.Until.Before(r.target.Judged.Until) {
		r.target.Judged = request.Judged
	}
}

// decide makes the removal of the stack that was judged one like any other: whoever asks for it from now on is answered by this run.
func (r *run) decide() {
	r.state.StackID = r.target.Judged.StackID
	r.target.Judged = nil
	if r.newer != nil && r.newer.AnsweredBy(r.target) {
		r.newer = nil
	}
}
