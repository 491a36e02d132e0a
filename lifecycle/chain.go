package lifecycle

import "perch"

// Chain holds the requests for one environment. Provision and Teardown take turns under one
// workflow ID: a run works for the target, accepts further requests meanwhile, and passes the chain
// on to the next run.
//
// The protocol has two halves, both in this file. A run decides which run comes next: Take, Next,
// HandOn. A client that follows one request reads the answer to it from a closed run: ReadResult,
// ReadNextRun.
type Chain struct {
	// Environment is what the requests are for.
	Environment perch.Environment
	// Target is what the run works for, Newer the newest request that wants something else.
	Target perch.Request
	Newer  *perch.Request
	// Below is the newest `up` that a removal (Target or Newer) supersedes. It comes next if the
	// removal is rejected, or fails before it is due.
	Below *perch.Request
	// Head is the request for the branch's head, if Target names another commit and the head is not
	// deployed.
	Head *perch.Request
	// Due says that the target is a removal that passed all checks and may be done.
	Due bool
	// Operation is the operation in progress for the newest `up`.
	Operation *perch.Operation
	// Recreated is the request whose recreation the chain has begun.
	Recreated *perch.Request
	// Ended is the removal that the run before rejected, or that failed there before it was due.
	Ended *perch.EndedRemoval
}

// RunEnd is how a run ended for its target: with an outcome, a rejection, or a failure.
type RunEnd struct {
	Outcome perch.Outcome
	// Rejection is why the target was rejected; nil if it was not.
	Rejection *perch.Rejection
	// Failure is what went wrong, Failed whether anything did.
	Failure string
	Failed  bool
}

// ResumeChain is the chain that the previous run passed on. The first run of a chain has no target
// yet.
func ResumeChain(in perch.RunInput) *Chain {
	c := &Chain{
		Environment: in.Environment, Below: in.Below, Due: in.Due, Operation: in.Begun, Recreated: in.Recreated,
		Ended: in.Ended,
	}
	if in.Request != nil {
		c.Target = *in.Request
	}
	return c
}

// Concerns reports whether request names this environment. A signal may hold anything: with the
// name of another branch, the run would act on a branch that the policy has not judged.
func (c *Chain) Concerns(request perch.Request) bool {
	_, known := perch.WorkflowOf(request.Goal)
	return known && request.Project == c.Environment.Project && request.Branch == c.Environment.Branch
}

// Begin makes the newest request the target, before the run does anything.
func (c *Chain) Begin() {
	if c.Newer != nil {
		c.Target, c.Newer, c.Due = *c.Newer, nil, false
	}
	c.dropOperation()
}

// dropOperation forgets an operation in progress that brings the stack to another commit than the
// target's.
func (c *Chain) dropOperation() {
	if c.Target.Goal != perch.GoalUp {
		return
	}
	if c.Operation != nil && c.Operation.Commit != c.Target.Commit {
		c.Operation = nil
	}
	if c.Recreated != nil && !c.Target.AnsweredBy(*c.Recreated) {
		c.Recreated = nil
	}
}

// Take adds request to the chain, unless it is superseded itself: cleanup judged before people
// requested something else. A removal keeps the `up` that it supersedes in Below, because the
// removal may be rejected; an `up` supersedes everything before it. A removal does not weaken the
// force of one that waits: that applies to both. A request for another environment changes nothing.
func (c *Chain) Take(request perch.Request) {
	stronger := c.Newer != nil && (c.Newer.Force || c.Newer.Recreate) && request.AnsweredBy(*c.Newer)
	if !c.Concerns(request) || stronger {
		return
	}
	latest := c.Target
	if c.Newer != nil {
		latest = *c.Newer
	}
	if request.Judged != nil && latest.Judged == nil {
		return
	}
	c.Below = c.below(request)
	if request.AnsweredBy(c.Target) {
		c.Newer = nil
		c.shortenGrace(request)
		return
	}
	c.Newer = &request
}

// below is the `up` that is in force again if request is rejected; nil if there is none.
func (c *Chain) below(request perch.Request) *perch.Request {
	switch {
	case request.Goal == perch.GoalUp:
		return nil
	case c.Newer != nil && c.Newer.Goal == perch.GoalUp:
		return c.Newer
	case c.Below == nil && c.Target.Goal == perch.GoalUp:
		target := c.Target
		return &target
	}
	return c.Below
}

// shortenGrace brings the end of the grace period forward to that of request, which the run
// answers, too.
func (c *Chain) shortenGrace(request perch.Request) {
	if request.Judged != nil && c.Target.Judged != nil && request.Judged.Until.Before(c.Target.Judged.Until) {
		c.Target.Judged = request.Judged
	}
}

// EndGrace turns cleanup's removal into an ordinary one: this run answers every removal that is
// requested from now on.
func (c *Chain) EndGrace() {
	c.Target.Judged = nil
	if c.Newer != nil && c.Newer.AnsweredBy(c.Target) {
		c.Newer = nil
	}
}

// MoveTo changes the target's commit. The new commit differs only if Perch requested the head and
// the branch has moved since.
func (c *Chain) MoveTo(commit string) {
	c.Target.Commit = commit
	c.dropOperation()
}

// RequestHead adds a request for the branch's head, because the target names another commit. The
// target's requester reads there what supersedes it and why.
func (c *Chain) RequestHead(commit, reason string) {
	id := c.Target.ID + "-" + commit[:min(len(commit), 8)]
	c.Head = &perch.Request{
		ID: id, Goal: perch.GoalUp, Project: c.Environment.Project, Branch: c.Environment.Branch, Commit: commit,
		Head:     true,
		Recreate: c.Target.Recreate, By: "perch", Reason: reason, Trigger: c.Target.Trigger,
	}
}

// Recreates reports whether the target wants the stack deleted first, and that is still to be done.
func (c *Chain) Recreates() bool {
	return c.Target.Goal == perch.GoalUp && c.Target.Recreate && c.Recreated == nil
}

// MakeDue records that the target, a removal, may be done. It reports whether that supersedes an
// `up`: the run then ends, so that anyone who follows the `up` is told.
func (c *Chain) MakeDue() (superseding bool) {
	if c.Below == nil || c.Due {
		return false
	}
	c.Due = true
	return true
}

// Removing forgets what the target, a removal, has superseded, because the removal begins now.
func (c *Chain) Removing() { c.Due, c.Below, c.Operation, c.Recreated = true, nil, nil, nil }

// Next is the request that comes after the run's target, nil if none does: a newer one, else what a
// rejected removal must not supersede, else the removal itself that is due from now on, else the
// branch's head.
func (c *Chain) Next(end RunEnd) *perch.Request {
	switch {
	case c.Newer != nil:
		return c.Newer
	case c.rejected(end), c.failedBeforeDue(end):
		return c.Below
	case end.Failed:
		return nil
	case end.Outcome == "" && c.Due && c.Below != nil:
		return &c.Target
	}
	return c.Head
}

// LastPhase is the last phase of a run that continues with another request.
func (c *Chain) LastPhase(end RunEnd) perch.Phase {
	switch {
	case c.rejected(end):
		return perch.PhaseRejected
	case c.failedBeforeDue(end):
		return perch.PhaseFailed
	case c.Newer == nil && c.Head == nil:
		return perch.PhaseRemoving
	}
	return perch.PhaseSuperseded
}

// rejected reports whether the target is a removal that was rejected.
func (c *Chain) rejected(end RunEnd) bool {
	return !end.Failed && c.Target.Goal == perch.GoalGone && end.Rejection != nil
}

// failedBeforeDue reports whether the target is a removal that failed before it was due, so that
// the `up` below it is still in force. If a newer request waits, it has superseded the removal, and
// no caller waits for the failure any more.
func (c *Chain) failedBeforeDue(end RunEnd) bool {
	return end.Failed && c.Target.Goal == perch.GoalGone && !c.Due && c.Below != nil && c.Newer == nil
}

// HandOn is the input of the next run, which works for request.
func (c *Chain) HandOn(request perch.Request, end RunEnd) perch.RunInput {
	in := perch.RunInput{Environment: c.Environment, Request: &request, Begun: c.Operation, Recreated: c.Recreated}
	switch {
	case c.rejected(end):
		in.Ended = &perch.EndedRemoval{Request: c.Target, Rejection: end.Rejection}
	case c.failedBeforeDue(end):
		in.Ended = &perch.EndedRemoval{Request: c.Target, Failure: end.Failure}
	}
	if request.Goal == perch.GoalGone {
		in.Below, in.Due = c.Below, c.Due && c.Newer == nil
	}
	return in
}

// byRemoval is the value of superseded_by if a removal superseded an `up`.
const byRemoval = "removal"

// SupersededBy is the value of superseded_by if request superseded an `up`.
func SupersededBy(request perch.Request) string {
	if request.Goal == perch.GoalGone {
		return byRemoval
	}
	return request.Commit
}

// Answer is the answer of a closed run to one request.
type Answer struct {
	// NextRun is the run that goes on with the request; empty if the request has ended.
	NextRun string
	// Result is how it ended: the run's own result, or one that says that another request
	// superseded it.
	Result perch.Result
	// Failure is what went wrong in a run that failed.
	Failure string
}

// ReadResult is the answer of a completed run to request. A run that answered another request has
// not answered this one.
func ReadResult(result perch.Result, request perch.Request) Answer {
	switch {
	case result.Goal == perch.GoalGone && request.Goal != perch.GoalGone:
		return superseded(byRemoval)
	case result.Goal != request.Goal, result.Outcome == perch.OutcomeReady && result.Commit != request.Commit:
		return superseded(result.Commit)
	}
	return Answer{Result: result}
}

// ReadNextRun is the answer to request of a run that continued as the run runID with the input
// next. A removal that is not due yet may still be rejected or fail; the `up` below it is next
// then.
func ReadNextRun(next perch.RunInput, runID string, request perch.Request) Answer {
	below := next.Below
	if next.Due {
		below = nil
	}
	switch {
	case next.Ended != nil && next.Ended.Rejection == nil && answers(next.Ended.Request, request):
		return Answer{Failure: next.Ended.Failure}
	case next.Ended != nil && answers(next.Ended.Request, request):
		return Answer{
			Result: perch.Result{Goal: request.Goal, Outcome: perch.OutcomeRejected, Reason: next.Ended.Why()},
		}
	case next.Request == nil || answers(*next.Request, request) || below != nil && answers(*below, request):
		return Answer{NextRun: runID}
	case below != nil:
		return superseded(below.Commit)
	}
	answer := superseded(SupersededBy(*next.Request))
	if next.Request.Head {
		answer.Result.Reason = next.Request.Reason
	}
	return answer
}

// answers reports whether the answer to target also answers request.
func answers(target, request perch.Request) bool {
	return target.ID == request.ID || request.AnsweredBy(target)
}

func superseded(by string) Answer {
	return Answer{Result: perch.Result{Outcome: perch.OutcomeSuperseded, SupersededBy: by}}
}
