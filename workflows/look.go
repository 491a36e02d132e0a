package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
)

const (
	// quiet is how long no hint may arrive before a Look reads the source, because one push causes
	// several hints.
	quiet = 3 * time.Second
	// longestQuiet is the maximum of that wait if hints keep arriving.
	longestQuiet = 30 * time.Second
	// firstBusyPause is the first pause of a Look while a run works for an `up` of a deleted
	// branch. Each pause is twice as long as the previous one. After busyPauses pauses, about half
	// an hour, the Look leaves the removal to cleanup.
	firstBusyPause = time.Minute
	busyPauses     = 5
	// looksInARun limits the history: after that many looks, a Look continues as new.
	looksInARun = 10
)

// Look turns hints about a branch into a request. It waits until no hint has arrived for three
// seconds, reads the current state from the branch source, and makes the request that this state
// requires. If a hint arrives meanwhile, it looks again. Its workflow ID is perch.LookWorkflowID.
func Look(ctx workflow.Context, in perch.LookInput) (*perch.LookResult, error) {
	if in.Environment == (perch.Environment{}) {
		return nil, temporal.NewNonRetryableApplicationError(
			"the input of Look names no environment", perch.ErrorInvalid, nil,
		)
	}
	l := &look{ctx: ctx, environment: in.Environment, hints: workflow.GetSignalChannel(ctx, perch.SignalLook)}
	l.hint.NoUp = true // Until a hint says otherwise.
	if in.Hint != nil {
		l.hint = *in.Hint
	}
	for range looksInARun {
		if err := l.awaitQuiet(); err != nil {
			return nil, err
		}
		in := contract.LookInput{Environment: l.environment, Hint: l.hint, At: workflow.Now(ctx).UTC()}
		out, err := runActivity(ctx, "look at branch "+l.environment.Branch, contract.LookAtBranch, in)
		if err == nil {
			l.done = true
		}
		if l.drain() {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !out.Busy || l.pauses == busyPauses {
			return &out.LookResult, nil
		}
		if err := l.pause(); err != nil {
			return nil, err
		}
	}
	l.drain()
	return nil, workflow.NewContinueAsNewError(
		ctx, perch.WorkflowLook, perch.LookInput{Environment: l.environment, Hint: &l.hint},
	)
}

// look is one execution of Look.
type look struct {
	ctx         workflow.Context
	environment perch.Environment
	hints       workflow.ReceiveChannel
	// hint is the newest hint. done means that a look has followed it.
	hint perch.Hint
	done bool
	// pauses counts the pauses for another run.
	pauses int
}

// drain receives all waiting hints and reports whether there were any. A signal that cannot be
// decoded counts as an empty hint.
func (l *look) drain() (arrived bool) {
	var raw converter.RawValue
	for l.hints.ReceiveAsync(&raw) {
		var hint perch.Hint
		if raw.Payload() != nil && converter.GetDefaultDataConverter().FromPayload(raw.Payload(), &hint) == nil {
			l.take(hint)
		}
		arrived = true
	}
	return arrived
}

// take merges a hint into the one for the next look. If an earlier hint allows an `up`, a later
// hint cannot forbid it.
func (l *look) take(hint perch.Hint) {
	if !l.done {
		hint.NoUp = hint.NoUp && l.hint.NoUp
	}
	l.hint, l.done = hint, false
}

// awaitQuiet waits until no hint has arrived for the duration quiet, but no longer than
// longestQuiet.
func (l *look) awaitQuiet() error {
	end := workflow.Now(l.ctx).Add(longestQuiet)
	for l.drain(); ; {
		left := min(quiet, end.Sub(workflow.Now(l.ctx)))
		if left <= 0 {
			return nil
		}
		timer := workflow.TimerOptions{
			Summary: fmt.Sprintf("wait for more hints about branch %s", l.environment.Branch),
		}
		if err := workflow.NewTimerWithOptions(l.ctx, left, timer).Get(l.ctx, nil); err != nil {
			return err
		}
		if !l.drain() {
			return nil
		}
	}
}

// pause waits for another run to end. If a hint arrives, it returns early.
func (l *look) pause() error {
	ctx, cancel := workflow.WithCancel(l.ctx)
	defer cancel()
	pause := firstBusyPause << l.pauses
	l.pauses++
	options := workflow.TimerOptions{Summary: "wait for the run that works for an up of branch " + l.environment.Branch}
	timer := workflow.NewTimerWithOptions(ctx, pause, options)
	err := error(nil)
	workflow.NewSelector(l.ctx).
		AddFuture(timer, func(f workflow.Future) { err = f.Get(l.ctx, nil) }).
		AddReceive(l.hints, func(workflow.ReceiveChannel, bool) {}).
		Select(l.ctx)
	return err
}
