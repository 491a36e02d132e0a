package lifecycle

import "perch"

// Chain holds the requests for one environment. Provision and Teardown take turns under one
// workflow ID. Each run works for the target, accepts further requests meanwhile, and then passes
// the chain on to the next run.
//
// The protocol has two halves, both in this file. A run determines the next run with Take, Next and
// HandOn. A client that follows a request reads its answer from a closed run with ReadResult and
// ReadNextRun.
type Chain struct {
	// Environment is the environment that the requests are for.
	Environment perch.Environment
	// Target is the request that the run works for. Newer is the newest request with a different
	// goal or commit.
	Target perch.Request
	Newer  *perch.Request
	// Below is the newest `up` that a removal supersedes; the removal is Target or Newer. Below
	// becomes the next target if the removal is rejected, or fails before it is due.
	Below *perch.Request
	// Head is a request for the branch's head. It is set if Target names another commit and the
	// head is not deployed.
	Head *perch.Request
	// Due means that Target is a removal that passed all checks and may proceed.
	Due bool
	// Operation is the stack operation in progress for the newest `up`.
	Operation *perch.Operation
	// Recreated is the request for which the chain has begun a recreation.
	Recreated *perch.Request
	// Ended is the removal that the previous run rejected, or that failed in that run before it was
	// due.
	Ended *perch.EndedRemoval
}

// RunEnd describes how a run ended for its target: with an outcome, a rejection or a failure.
type RunEnd struct {
	Outcome perch.Outcome
	// Rejection explains why the target was rejected; nil if it was not.
	Rejection *perch.Rejection
	// Failure is the error message, and Failed whether the run failed.
	Failure string
	Failed  bool
}

// ResumeChain returns the chain that the previous run passed on. In the first run the chain has no
// target yet.
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

// Concerns reports whether request is for this environment. A signal can contain anything. If it
// named another branch, the run would change that branch's environment without a check of the
// policy.
func (c *Chain) Concerns(request perch.Request) bool {
	_, known := perch.WorkflowOf(request.Goal)
	return known && request.Project == c.Environment.Project && request.Branch == c.Environment.Branch
}

// Begin makes the newest request the target. A run calls it before it does anything else.
func (c *Chain) Begin() {
	if c.Newer != nil {
		c.Target, c.Newer, c.Due = *c.Newer, nil, false
	}
	c.dropOperation()
}

// dropOperation drops the operation in progress if it deploys a commit other than the target's. It
// also drops the record of a recreation that the target did not request.
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

// Take adds request to the chain. It ignores:
//
//   - a request for another environment
//   - a removal by cleanup, if a person requested something after cleanup had judged
//   - a request that is also answered by a waiting one with Force or Recreate
//
// A removal keeps the `up` that it supersedes in Below, because the removal may be rejected. An
// `up` supersedes everything before it.
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

// below returns the `up` that becomes the target again if request is rejected; nil if there is
// none.
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

// shortenGrace moves the end of the grace period forward to that of request, because the run also
// answers request.
func (c *Chain) shortenGrace(request perch.Request) {
	if request.Judged != nil && c.Target.Judged != nil && request.Judged.Until.Before(c.Target.Judged.Until) {
		c.Target.Judged = request.Judged
	}
}

// EndGrace turns a removal by cleanup into an ordinary one. From now on, this run answers every
// requested removal.
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
// added request tells the target's requester which commit supersedes the target, and why.
func (c *Chain) RequestHead(commit, reason string) {
	id := c.Target.ID + "-" + commit[:min(len(commit), 8)]
	c.Head = &perch.Request{
		ID: id, Goal: perch.GoalUp, Project: c.Environment.Project, Branch: c.Environment.Branch, Commit: commit,
		Head:     true,
		Recreate: c.Target.Recreate, By: "perch", Reason: reason, Trigger: c.Target.Trigger,
	}
}

// Recreates reports whether the target requires that the stack is deleted first, and that deletion
// has not begun.
func (c *Chain) Recreates() bool {
	return c.Target.Goal == perch.GoalUp && c.Target.Recreate && c.Recreated == nil
}

// MakeDue records that the target, a removal, may proceed. It reports whether that supersedes an
// `up`. In that case the run ends, so that everyone who follows the `up` is notified.
func (c *Chain) MakeDue() (superseding bool) {
	if c.Below == nil || c.Due {
		return false
	}
	c.Due = true
	return true
}

// Removing drops everything that the target, a removal, has superseded. A run calls it when the
// removal begins.
func (c *Chain) Removing() { c.Due, c.Below, c.Operation, c.Recreated = true, nil, nil, nil }

// Next returns the request that the next run works for; nil if there is none. It is the first of
// these that exists:
//
//   - a newer request
//   - the `up` below a removal that was rejected, or failed before it was due
//   - the removal, if it has just become due
//   - a request for the branch's head
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

// LastPhase returns the last phase of a run that continues with another request.
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
// the `up` below it becomes the target again. It is false if a newer request waits: that request
// has superseded the removal, and no caller waits for the failure.
func (c *Chain) failedBeforeDue(end RunEnd) bool {
	return end.Failed && c.Target.Goal == perch.GoalGone && !c.Due && c.Below != nil && c.Newer == nil
}

// HandOn returns the input of the next run, which works for request.
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

// SupersededBy returns the value of superseded_by if request superseded an `up`.
func SupersededBy(request perch.Request) string {
	if request.Goal == perch.GoalGone {
		return byRemoval
	}
	return request.Commit
}

// Answer is a closed run's answer to one request.
type Answer struct {
	// NextRun is the run that continues with the request; empty if the request has ended.
	NextRun string
	// Result is the result of the request: either the run's result, or one which says that another
	// request superseded this one.
	Result perch.Result
	// Failure is the error message of a run that failed.
	Failure string
}

// ReadResult returns a completed run's answer to request. If the run worked for a different
// request, the answer is that this one was superseded.
func ReadResult(result perch.Result, request perch.Request) Answer {
	switch {
	case result.Goal == perch.GoalGone && request.Goal != perch.GoalGone:
		return superseded(byRemoval)
	case result.Goal != request.Goal, result.Outcome == perch.OutcomeReady && result.Commit != request.Commit:
		return superseded(result.Commit)
	}
	return Answer{Result: result}
}

// ReadNextRun returns the answer to request of a run that continued as run runID with the input
// next. While a removal is not due, it may still be rejected or fail, and then the `up` below it
// becomes the target. So that `up` has not ended either.
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
