// Package workflows puts the activities in order: Provision and Teardown take turns under one workflow ID, the short reading runs
// answer the starter. It does no I/O; what to do with a stack is decided by package lifecycle.
package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities"
	"perch/lifecycle"
)

// run is one execution of Provision or Teardown: it works for one target and hands on to the next.
type run struct {
	ctx         workflow.Context
	environment perch.Environment
	requests    workflow.ReceiveChannel
	started     time.Time
	// target is what this run works for; newer is the newest request that wants something else.
	target perch.Request
	newer  *perch.Request
	result perch.Result
	state  activities.StackState
	// held is what the stack was seen to hold before anything was deleted.
	held activities.Contents
	// deletions counts the deletions of the stack.
	deletions int
	// rollbacks counts the tries to turn a failed update back.
	rollbacks int
	// calls counts the mutating calls: each has a ClientRequestToken of its own.
	calls int
}

// begin takes the newest request as the run's target.
func begin(ctx workflow.Context, in perch.RunInput) (*run, error) {
	environment, err := perch.NewEnvironment(in.Project, in.Branch)
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), activities.ErrorInvalid, nil)
	}
	r := &run{ctx: ctx, environment: environment, requests: workflow.GetSignalChannel(ctx, perch.SignalRequest), started: workflow.Now(ctx)}
	if in.Request != nil {
		r.target = *in.Request
	} else {
		r.requests.Receive(ctx, &r.target)
	}
	if r.drain(); r.newer != nil {
		r.target, r.newer = *r.newer, nil
	}
	r.result = perch.Result{Goal: r.target.Goal, Branch: environment.Branch, Slug: environment.Slug, Stack: environment.StackName()}
	return r, r.show(perch.PhaseAdmitting)
}

// drain takes in every request that waits. The newest wins; one that wants what the run already works for is answered by it.
func (r *run) drain() {
	var request perch.Request
	for r.requests.ReceiveAsync(&request) {
		r.take(request)
		request = perch.Request{}
	}
}

// take keeps request unless it is overtaken itself: what cleanup asks for was judged before what people asked for meanwhile.
func (r *run) take(request perch.Request) {
	latest := r.target
	if r.newer != nil {
		latest = *r.newer
	}
	switch {
	case request.Judged != nil && latest.Judged == nil:
	case request.AnsweredBy(r.target):
		r.newer = nil
		r.hasten(request)
	default:
		r.newer = &request
	}
}

// overtaken reports, at a safe point, whether a newer request waits.
func (r *run) overtaken() bool {
	r.drain()
	return r.newer != nil
}

// end finishes the run: a newer request is handed to the run that it needs, whatever came of this one; without any the result or the
// failure stands.
func (r *run) end(failure error) (*perch.Result, error) {
	r.result.Seconds.Total = r.since(r.started)
	if r.overtaken() {
		if err := r.show(perch.PhaseOvertaken); err != nil {
			return nil, err
		}
		return nil, r.handOn(*r.newer)
	}
	if failure != nil {
		if err := r.show(perch.PhaseFailed); err != nil {
			return nil, err
		}
		return nil, failure
	}
	return &r.result, r.show(phaseOf(r.result.Outcome))
}

// handOn continues as new into the kind of run that request needs.
func (r *run) handOn(request perch.Request) error {
	in := perch.RunInput{Project: r.environment.Project, Branch: r.environment.Branch, Request: &request}
	if request.Goal == perch.GoalGone {
		return workflow.NewContinueAsNewError(r.ctx, Teardown, in)
	}
	return workflow.NewContinueAsNewError(r.ctx, Provision, in)
}

func phaseOf(outcome perch.Outcome) perch.Phase {
	switch outcome {
	case perch.OutcomeReady:
		return perch.PhaseReady
	case perch.OutcomeGone, perch.OutcomeAbsent:
		return perch.PhaseGone
	case perch.OutcomeKept:
		return perch.PhaseKept
	case perch.OutcomeSuperseded:
		return perch.PhaseOvertaken
	}
	return perch.PhaseRefused
}

// refuse ends the target with a sentence; nothing was changed.
func (r *run) refuse(format string, args ...any) {
	r.result.Outcome, r.result.Reason = perch.OutcomeRefused, fmt.Sprintf(format, args...)
}

// look reads the stack: by name until its id is known, then by id, so that a stack made anew under the name is never taken for it.
func (r *run) look() error {
	in := activities.StackInput{Project: r.environment.Project, Branch: r.environment.Branch, StackID: r.state.StackID}
	state := activities.StackState{}
	if err := r.quick("look at stack "+r.environment.StackName(), stacks.DescribeStack, in, &state); err != nil {
		return err
	}
	r.state = state
	return nil
}

// forget makes the next look read the stack by name again.
func (r *run) forget() { r.state = activities.StackState{} }

// next asks the rules what to do with the stack; template is the hash of the wanted template.
func (r *run) next(goal perch.Goal, template string) lifecycle.Step {
	return lifecycle.Next(lifecycle.Stack{
		Status: r.state.Status, Ours: r.state.Ours, Unchanged: template != "" && r.state.Template == template, Rollbacks: r.rollbacks,
		Protected: r.state.Protected || (r.state.Status != "" && r.state.Kind != perch.KindBranch),
	}, goal)
}

// change makes one mutating call on the stack.
func (r *run) change(summary string, activity any, in activities.ChangeInput) (activities.ChangeResult, error) {
	r.calls++
	in.Project, in.Branch, in.Token = r.environment.Project, r.environment.Branch, r.token(summary)
	var out activities.ChangeResult
	err := r.quick(summary+" "+r.environment.StackName(), activity, in, &out)
	out.Token = in.Token
	return out, err
}

// token is the ClientRequestToken of the run's latest mutating call: the same on every retry of its activity.
func (r *run) token(operation string) string {
	id := workflow.GetInfo(r.ctx).WorkflowExecution.RunID
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", r.environment.StackName(), operation, id, r.calls))
	return "perch-" + hex.EncodeToString(sum[:20])
}

func (r *run) since(start time.Time) float64 {
	return workflow.Now(r.ctx).Sub(start).Seconds()
}
