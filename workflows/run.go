// Package workflows runs the activities in the right order. Provision and Teardown take turns under
// one workflow ID; short workflows answer the starter's queries. The package does no I/O. Package
// lifecycle decides what to do with a stack.
package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// run is one execution of Provision or Teardown. It works for one target and may then continue as
// the next run of the chain.
type run struct {
	ctx         workflow.Context
	environment perch.Environment
	requests    workflow.ReceiveChannel
	started     time.Time
	// chain holds the requests for the environment; this run works for its target.
	chain *lifecycle.Chain
	// mayRecreate means that the policy allows Perch to recreate a stack that was ready, if nothing
	// else repairs it.
	mayRecreate bool
	// trouble is AWS's message from the last failure of a stack operation.
	trouble string
	// failure is the error of this run.
	failure error
	result  perch.Result
	// kind is the environment's kind; empty before the request is admitted.
	kind perch.Kind
	// foreseen has the estimates and settings for reports; nil before the request is admitted.
	foreseen *contract.Foreseen
	// seeds are the environment's seed steps, for reports.
	seeds []perch.SeedRecord
	// judged is the judgement of a removal after its grace period has ended; nil before that and
	// for other requests.
	judged *perch.Judgement
	state  contract.StackState
	// reports delivers the run's reports.
	reports *reporter
	// seen means that a wait has just read the stack into state, so that the next look can be
	// skipped.
	seen bool
	// held has the stack's contents before any deletion.
	held perch.StackContents
	// rejection explains why the target was rejected; nil if it was not.
	rejection *perch.Rejection
	// snapshots are the final snapshots of the databases that this run deleted.
	snapshots []string
	// dropped are resources that stack updates removed from the template but could not delete.
	dropped []contract.Orphan
	// sweptDropped means that the run has tried to delete the dropped resources.
	sweptDropped bool
	// left lists the resources that removals of the chain could not delete.
	left []perch.Leftover
	// databaseMade means that this run has created the branch's database in the shared instance.
	// sharedDatabase means that there may be such a database to drop.
	databaseMade, sharedDatabase bool
	// deletions counts the deletions of the stack.
	deletions int
	// collisions counts the creations that failed because another environment took the priority of
	// the load balancer rule.
	collisions int
	// rollbacks counts the attempts to roll back a failed update.
	rollbacks int
	// calls counts the mutating calls, each of which has a different ClientRequestToken.
	calls int
}

// begin starts a run whose target is the newest request.
func begin(ctx workflow.Context, in perch.RunInput) (*run, error) {
	if in.Environment == (perch.Environment{}) {
		return nil, temporal.NewNonRetryableApplicationError(
			"the run's input names no environment; run `perch up` or `perch down`", perch.ErrorInvalid, nil)
	}
	r := &run{
		ctx: ctx, environment: in.Environment, chain: lifecycle.ResumeChain(in),
		requests: workflow.GetSignalChannel(ctx, perch.SignalRequest),
		started:  workflow.Now(ctx), left: in.Left, reports: startReporter(ctx, in),
	}
	if in.Request == nil {
		if err := r.receiveFirst(); err != nil {
			return nil, err
		}
	}
	for !r.chain.Concerns(r.chain.Target) {
		request, waits := r.receive()
		if !waits {
			return nil, temporal.NewNonRetryableApplicationError(fmt.Sprintf(
				"the request wants %q for branch %q of project %q, and this run is for branch %q of project %q and "+
					"takes up or gone; nothing was touched",
				r.chain.Target.Goal, r.chain.Target.Branch, r.chain.Target.Project, r.environment.Branch,
				r.environment.Project), perch.ErrorInvalid, nil)
		}
		r.chain.Target = request
	}
	r.drain()
	r.chain.Begin()
	r.result = perch.Result{
		Goal: r.chain.Target.Goal, Branch: r.environment.Branch, Slug: r.environment.Slug,
		Stack: r.environment.StackName(),
	}
	r.noteCreation()
	return r, r.show(perch.PhaseAdmitting)
}

// noteCreation records in the result whether the operation in progress for an `up` creates the
// stack.
func (r *run) noteCreation() {
	if r.chain.Target.Goal == perch.GoalUp {
		r.result.Created = r.chain.Operation != nil && r.chain.Operation.Created
	}
}

// drain adds all waiting requests to the chain. The newest one wins, except that this run also
// answers requests with its target's goal. drain ignores a signal without a request.
func (r *run) drain() {
	for {
		request, waits := r.receive()
		if !waits {
			return
		}
		r.chain.Take(request)
	}
}

// superseded reports whether a newer request waits. It is called where the run may safely stop.
func (r *run) superseded() bool {
	r.drain()
	return r.chain.Newer != nil
}

// end finishes the run. If there is a next request, the run continues as the run for it. Otherwise
// it delivers its last report and returns its result or failure.
func (r *run) end(failure error) (*perch.Result, error) {
	r.result.Seconds.Total, r.result.Earlier, r.failure = r.since(r.started), r.left, failure
	ended := lifecycle.RunEnd{Outcome: r.result.Outcome, Rejection: r.rejection}
	phase := lifecycle.PhaseOf(r.result.Outcome)
	if failure != nil {
		ended.Failed, ended.Failure, phase = true, said(failure), perch.PhaseFailed
	}
	r.drain()
	if next := r.chain.Next(ended); next != nil {
		return nil, r.goOn(*next, ended)
	}
	if err := r.show(phase); err != nil {
		return nil, err
	}
	if !r.finishReports() {
		return nil, r.goOn(*r.chain.Next(ended), ended)
	}
	if failure != nil {
		return nil, failure
	}
	return &r.result, nil
}

// goOn ends the run and continues with the run for request.
func (r *run) goOn(request perch.Request, ended lifecycle.RunEnd) error {
	if err := r.display(r.chain.LastPhase(ended)); err != nil {
		return err
	}
	return r.handOn(request, ended)
}

// handOn continues as new with the workflow type that request needs.
func (r *run) handOn(request perch.Request, ended lifecycle.RunEnd) error {
	workflowType, _ := perch.WorkflowOf(request.Goal) // The chain takes no other.
	in := r.chain.HandOn(request, ended)
	in.Left = r.left
	var last *perch.CardState
	if target := r.chain.Target; target.Goal == perch.GoalUp && target.ID != request.ID {
		state := r.cardState(r.chain.LastPhase(ended))
		last = &state
	}
	r.reports.handOn(&in, last)
	return workflow.NewContinueAsNewError(r.ctx, workflowType, in)
}

// reject ends the target with a rejection. Nothing has been changed at that point.
func (r *run) reject(rejection *perch.Rejection) {
	r.rejection = rejection
	r.result.Outcome, r.result.Reason = perch.OutcomeRejected, rejection.Reason
}

// look reads the stack: by name until its id is known, and then by id. So a recreated stack with
// the same name is not mistaken for it.
func (r *run) look() error {
	if r.seen {
		r.seen = false
		return nil
	}
	in := contract.StackInput{Environment: r.environment, StackID: r.state.StackID}
	state, err := runActivity(r.ctx, "look at stack "+r.environment.StackName(), contract.DescribeStack, in)
	if err != nil {
		return err
	}
	r.state = state
	return nil
}

// forget makes the next look read the stack by name again.
func (r *run) forget() { r.state, r.seen = contract.StackState{}, false }

// next returns the rules' next step for the stack as last read. template is the hash of the wanted
// template.
func (r *run) next(template string) lifecycle.Step {
	stack := r.state.Judged(template)
	stack.Rollbacks, stack.MayRecreate, stack.Recreate = r.rollbacks, r.mayRecreate, r.chain.Recreates()
	if r.superseded() {
		stack.Pending = r.chain.Newer.Goal
	}
	return lifecycle.Next(stack, r.chain.Target.Goal)
}

// change makes one mutating call on the stack.
func (r *run) change(summary string, activity contract.Change, in contract.ChangeInput) (contract.ChangeResult, error) {
	r.calls++
	in.Environment, in.Token = r.environment, r.token(summary)
	out, err := runActivity(r.ctx, summary+" "+r.environment.StackName(), activity, in)
	out.Token = in.Token
	return out, err
}

// token returns the ClientRequestToken of the run's latest mutating call. It is the same in every
// retry of the call's activity.
func (r *run) token(operation string) string {
	id := workflow.GetInfo(r.ctx).WorkflowExecution.RunID
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", r.environment.StackName(), operation, id, r.calls))
	return "perch-" + hex.EncodeToString(sum[:20])
}

func (r *run) since(start time.Time) float64 {
	return workflow.Now(r.ctx).Sub(start).Seconds()
}
