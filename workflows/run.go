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
	// below is the newest `up` whose place a removal takes, be that target or newer: it comes next if the removal is refused, or fails before it is due.
	below *perch.Request
	// head is the request for the branch's head, if the target names another commit and the head is not deployed.
	head *perch.Request
	// due says that nothing refuses the removal that is the target: it may be done.
	due bool
	// begun is the operation in progress for the newest `up`; refused is the removal that came to nothing before this run.
	begun   *perch.Operation
	refused *perch.Refusal
	// mayRecreate says that the policy allows to recreate a stack that was ready and that nothing else repairs.
	mayRecreate bool
	// recreated is the request whose recreation the chain has begun.
	recreated *perch.Request
	// trouble is what AWS said when the stack's latest operation failed.
	trouble string
	// failure is what went wrong in this run.
	failure error
	result  perch.Result
	state   activities.StackState
	// seen says that a wait has just seen the stack as state has it: the next look can be saved.
	seen bool
	// held is what the stack was seen to hold before anything was deleted.
	held activities.Contents
	// left are what removals of the chain could not delete.
	left []perch.Leftover
	// databaseMade says that this run has made the branch's database in the shared instance, sharedDatabase that there may be one to remove.
	databaseMade, sharedDatabase bool
	// deletions counts the deletions of the stack.
	deletions int
	// collisions counts the creations that failed because another environment took the priority of the rule.
	collisions int
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
	r := &run{
		ctx: ctx, environment: environment, requests: workflow.GetSignalChannel(ctx, perch.SignalRequest), started: workflow.Now(ctx),
		below: in.Below, due: in.Due, begun: in.Begun, refused: in.Refused, left: in.Left,
		recreated: in.Recreated,
	}
	if in.Request != nil {
		r.target = *in.Request
	} else if err := r.receiveFirst(); err != nil {
		return nil, err
	}
	for !r.concerns(r.target) {
		request, waits := r.receive()
		if !waits {
			return nil, temporal.NewNonRetryableApplicationError(fmt.Sprintf(
				"the request asks for %q of branch %q of project %q, and this run is for branch %q of project %q and takes up or gone; nothing was touched",
				r.target.Goal, r.target.Branch, r.target.Project, environment.Branch, environment.Project), activities.ErrorInvalid, nil)
		}
		r.target = request
	}
	if r.drain(); r.newer != nil {
		r.target, r.newer, r.due = *r.newer, nil, false
	}
	r.result = perch.Result{Goal: r.target.Goal, Branch: environment.Branch, Slug: environment.Slug, Stack: environment.StackName()}
	r.dropOperation()
	return r, r.show(perch.PhaseAdmitting)
}

// dropOperation forgets an operation in progress that brings the stack to another commit than the target's.
func (r *run) dropOperation() {
	if r.target.Goal != perch.GoalUp {
		return
	}
	if r.begun != nil && r.begun.Commit != r.target.Commit {
		r.begun = nil
	}
	if r.recreated != nil && !r.target.AnsweredBy(*r.recreated) {
		r.recreated = nil
	}
	r.result.Created = r.begun != nil && r.begun.Created
}

// drain takes in every request that waits. The newest wins; one that wants what the run already works for is answered by it. A signal that holds no
// request is passed over, and not waited behind.
func (r *run) drain() {
	for {
		request, waits := r.receive()
		if !waits {
			return
		}
		r.take(request)
	}
}

// concerns reports whether request can be one of this environment. A signal may hold anything, and the policy judges what stands in it: were that
// another branch, a run would act on one that nobody judged.
func (r *run) concerns(request perch.Request) bool {
	return request.Project == r.environment.Project && request.Branch == r.environment.Branch && (request.Goal == perch.GoalUp || request.Goal == perch.GoalGone)
}

// take keeps request unless it is overtaken itself: what cleanup asks for was judged before what people asked for meanwhile. What a
// removal overtakes is kept below it, because the removal may be refused; an `up` is in force whatever was asked before it. A removal does not take
// back the force of one that waits, which does for both. What is no request of this environment changes nothing.
func (r *run) take(request perch.Request) {
	if !r.concerns(request) || r.newer != nil && (r.newer.Force || r.newer.Recreate) && request.AnsweredBy(*r.newer) {
		return
	}
	latest := r.target
	if r.newer != nil {
		latest = *r.newer
	}
	if request.Judged != nil && latest.Judged == nil {
		return
	}
	r.below = r.beneath(request)
	if request.AnsweredBy(r.target) {
		r.newer = nil
		r.hasten(request)
		return
	}
	r.newer = &request
}

// beneath is the `up` that is in force again if request is refused; nil where that is none.
func (r *run) beneath(request perch.Request) *perch.Request {
	switch {
	case request.Goal == perch.GoalUp:
		return nil
	case r.newer != nil && r.newer.Goal == perch.GoalUp:
		return r.newer
	case r.below == nil && r.target.Goal == perch.GoalUp:
		target := r.target
		return &target
	}
	return r.below
}

// overtaken reports, at a safe point, whether a newer request waits.
func (r *run) overtaken() bool {
	r.drain()
	return r.newer != nil
}

// end finishes the run: the request that comes next is handed to the run that it needs, whatever came of this one; without any the
// result or the failure stands.
func (r *run) end(failure error) (*perch.Result, error) {
	r.result.Seconds.Total, r.result.Earlier, r.failure = r.since(r.started), r.left, failure
	if next := r.following(); next != nil {
		if err := r.show(r.passing()); err != nil {
			return nil, err
		}
		return nil, r.handOn(*next)
	}
	if failure != nil {
		if err := r.show(perch.PhaseFailed); err != nil {
			return nil, err
		}
		return nil, failure
	}
	return &r.result, r.show(phaseOf(r.result.Outcome))
}

// following is the request that comes after this run's target, nil where none does: a newer one, else what a removal that came to nothing
// must not overtake, else the removal itself that is due from now on, else the branch's head.
func (r *run) following() *perch.Request {
	switch {
	case r.overtaken():
		return r.newer
	case r.failure == nil && r.removalRefused(), r.removalFailedBefore():
		return r.below
	case r.failure == nil && r.result.Outcome == "" && r.due && r.below != nil:
		return &r.target
	case r.failure == nil && r.head != nil:
		return r.head
	}
	return nil
}

// passing is the phase in which a run ends that hands on.
func (r *run) passing() perch.Phase {
	switch {
	case r.removalRefused():
		return perch.PhaseRefused
	case r.removalFailedBefore():
		return perch.PhaseFailed
	case r.newer == nil && r.head == nil:
		return perch.PhaseRemoving
	}
	return perch.PhaseOvertaken
}

func (r *run) removalRefused() bool {
	return r.target.Goal == perch.GoalGone && r.result.Outcome == perch.OutcomeRefused
}

// removalFailedBefore reports whether the removal that is the target failed before it was due, with an `up` below it that nothing was taken
// from. Where a newer request waits, that one has taken the removal's place, and nobody is left to hear of the failure.
func (r *run) removalFailedBefore() bool {
	return r.failure != nil && r.target.Goal == perch.GoalGone && !r.due && r.below != nil && r.newer == nil
}

// handOn continues as new into the kind of run that request needs.
func (r *run) handOn(request perch.Request) error {
	in := perch.RunInput{Project: r.environment.Project, Branch: r.environment.Branch, Request: &request}
	switch {
	case r.removalRefused():
		in.Refused = &perch.Refusal{Request: r.target, Reason: r.result.Reason}
	case r.removalFailedBefore():
		in.Refused = &perch.Refusal{Request: r.target, Reason: said(r.failure), Failed: true}
	}
	in.Begun, in.Left, in.Recreated = r.begun, r.left, r.recreated
	if request.Goal == perch.GoalUp {
		return workflow.NewContinueAsNewError(r.ctx, Provision, in)
	}
	in.Below, in.Due = r.below, r.due && r.newer == nil
	return workflow.NewContinueAsNewError(r.ctx, Teardown, in)
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
	if r.seen {
		r.seen = false
		return nil
	}
	in := activities.StackInput{Project: r.environment.Project, Branch: r.environment.Branch, StackID: r.state.StackID}
	state := activities.StackState{}
	if err := r.quick("look at stack "+r.environment.StackName(), stacks.DescribeStack, in, &state); err != nil {
		return err
	}
	r.state = state
	return nil
}

// forget makes the next look read the stack by name again.
func (r *run) forget() { r.state, r.seen = activities.StackState{}, false }

// next asks the rules what to do with the stack, as it was seen last, for the run's target; template is the hash of the wanted template.
func (r *run) next(template string) lifecycle.Step {
	stack := r.state.Judged(template)
	stack.Rollbacks, stack.MayRecreate, stack.Recreate = r.rollbacks, r.mayRecreate, r.recreates()
	if r.overtaken() {
		stack.Pending = r.newer.Goal
	}
	return lifecycle.Next(stack, r.target.Goal)
}

// recreates reports whether the target wants the stack deleted first, and that is still to be done.
func (r *run) recreates() bool {
	return r.target.Goal == perch.GoalUp && r.target.Recreate && r.recreated == nil
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
