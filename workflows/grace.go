package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
)

// grace waits for the end of the grace period of a removal that cleanup requested, and then looks
// at branch and stack once more. It returns false if the target ends here, because a newer request
// waits or the environment is kept. A removal by a person is due immediately. allowed is the
// policy's grace period in seconds; 0 if the worker that admitted the removal did not return it.
func (r *run) grace(allowed int) (due bool, err error) {
	if r.chain.Target.Judged == nil {
		return true, nil
	}
	r.boundGrace(allowed)
	if err := r.show(perch.PhaseGrace); err != nil {
		return false, err
	}
	if err := r.waitOut(); err != nil || r.superseded() {
		return false, err
	}
	keep, done, err := r.looksAgain()
	if !done || err != nil {
		return false, err
	}
	if keep != "" {
		r.result.Outcome, r.result.Reason = perch.OutcomeKept, keep
		return false, nil
	}
	if r.superseded() && r.chain.Newer.Goal == perch.GoalUp {
		return false, nil
	}
	r.judged = r.chain.Target.Judged
	if !r.seen {
		r.state.StackID = r.judged.StackID
	}
	r.chain.EndGrace()
	return true, nil
}

// Waiting for the notes before the last look. Runs that began before this change look only once.
const (
	changeNotesFirst = "notes before the last look"
	// notesTimeout is longer than a delivery takes, which a note may wait for.
	notesTimeout = time.Minute
)

// looksAgain checks the branch and the stack again, when all notes have been entered into the card
// that the check reads: one of them may be a pin. It looks once more if a note arrives meanwhile,
// and after that waits for nothing until the card says that the environment is being removed. keep
// explains why the environment is kept; done is false if a newer request arrives.
func (r *run) looksAgain() (keep string, done bool, err error) {
	if workflow.GetVersion(r.ctx, changeNotesFirst, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		out, done, err := r.lastLook()
		return out.Keep, done, err
	}
	for range maxSteps {
		entered, err := r.awaitNotes()
		if err != nil || r.superseded() {
			return "", false, err
		}
		if !entered || len(r.reports.problems) > 0 {
			break
		}
		seen := r.reports.received()
		out, done, err := r.lastLook()
		if !done || err != nil || out.Keep != "" {
			return out.Keep, done, err
		}
		r.state.StackID = r.chain.Target.Judged.StackID
		if err := r.lookAtLatest(); err != nil || r.superseded() {
			return "", false, err
		}
		if r.reports.received() == seen {
			r.seen = true // What follows needs no other look at the stack.
			return "", true, nil
		}
	}
	return "a note, such as a pin, could not be entered into the environment's card yet", true, nil
}

// awaitNotes waits until every note that has arrived is entered, or a newer request arrives.
// entered is false if the notes take too long.
func (r *run) awaitNotes() (entered bool, err error) {
	ready := func() bool { return !r.reports.takesNotes() || r.superseded() }
	if ready() {
		return true, nil
	}
	return workflow.AwaitWithTimeout(r.ctx, notesTimeout, ready)
}

// boundGrace limits the grace period to the policy's. Otherwise anyone with access to Temporal
// could send a removal that waits for any time.
func (r *run) boundGrace(allowed int) {
	longest := perch.MaxGrace
	if allowed > 0 {
		longest = min(longest, time.Duration(allowed)*time.Second)
	}
	if latest := workflow.Now(r.ctx).Add(longest); r.chain.Target.Judged.Until.After(latest) {
		judged := *r.chain.Target.Judged
		judged.Until = latest
		r.chain.Target.Judged = &judged
	}
}

// lastLook checks the branch and the stack again. If a newer request arrives, done is false.
func (r *run) lastLook() (out contract.LastLookResult, done bool, err error) {
	in := contract.LastLookInput{Environment: r.environment, Judged: *r.chain.Target.Judged}
	return runUnlessSuperseded(r, "look once more at branch "+r.environment.Branch, contract.LastLook, in)
}

// waitOut waits until the grace period ends or a newer request arrives.
func (r *run) waitOut() error {
	for r.chain.Newer == nil {
		until := r.chain.Target.Judged.Until
		if !until.After(workflow.Now(r.ctx)) {
			return nil
		}
		if err := r.waitUntil(until); err != nil {
			return err
		}
	}
	return nil
}

// waitUntil waits until the given time. It returns earlier if a request supersedes the target or
// changes the end of the grace period. It fails if the run is cancelled.
func (r *run) waitUntil(until time.Time) error {
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(
		ctx, until.Sub(workflow.Now(r.ctx)),
		workflow.TimerOptions{Summary: "grace period of branch " + r.environment.Branch},
	)
	selector := workflow.NewSelector(r.ctx).
		AddFuture(timer, func(workflow.Future) {}).
		AddReceive(r.requests, func(workflow.ReceiveChannel, bool) { r.drain() })
	for r.chain.Newer == nil && !timer.IsReady() && r.chain.Target.Judged.Until.Equal(until) {
		selector.Select(r.ctx)
	}
	if !timer.IsReady() {
		return nil
	}
	return timer.Get(r.ctx, nil)
}
