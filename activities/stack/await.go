package stack

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/lifecycle"
)

const (
	// staleReads is how long a stack may look as if the call that was just made had not happened.
	// Reads of CloudFormation are eventually consistent.
	staleReads = 30 * time.Second
	// fewWaits is up to how many waits at a time each one's events are read for its progress.
	fewWaits = 5
	// toleratedFailures is how many looks in a row may fail before the wait does.
	toleratedFailures = 20
	// Deleted is the status of a stack that is gone. CloudFormation's listings leave it out; its
	// events and its id still tell.
	Deleted = "DELETE_COMPLETE"
	// Deleting is the status of a stack while CloudFormation deletes it. It may still cancel the
	// deletion until it has begun to delete a resource.
	Deleting = "DELETE_IN_PROGRESS"
)

// NewWait makes a Wait, which goes on from progress.
func (r *Reader) NewWait(in contract.AwaitInput, progress perch.Progress) *Wait {
	return &Wait{stacks: r, in: in, events: newEventLog(r.cfn, in.StackID, in.Token), Progress: progress}
}

// Wait is one wait for the end of an operation.
type Wait struct {
	// Progress is how far the operation is.
	Progress perch.Progress

	stacks   *Reader
	in       contract.AwaitInput
	events   *eventLog
	failures int
	// doubt is when the stack began to look as if the operation had not.
	doubt time.Time
}

// Take decides by one sighting whether the wait is over.
func (w *Wait) Take(ctx context.Context, seen Sighting) (contract.AwaitResult, bool, error) {
	if seen.Err != nil {
		return contract.AwaitResult{}, false, w.tolerate(seen.Err)
	}
	if err := w.stacks.requireProject(seen); err != nil {
		return contract.AwaitResult{}, false, err
	}
	status := string(seen.Stack.StackStatus)
	final := !lifecycle.InProgress(status)
	w.Progress.Awaited = nil
	if final || w.in.UntilDeleting || w.stacks.Poller.Waiting() <= fewWaits {
		if err := w.read(ctx); err != nil {
			return contract.AwaitResult{}, false, w.tolerate(err)
		}
	}
	w.failures = 0
	if !seen.Found && w.events.concludes(Deleted) {
		status = Deleted
	}
	w.Progress.Status = status
	switch {
	case w.in.UntilDeleting && status == Deleting && w.events.deletesResource():
		return contract.AwaitResult{Status: status, Stack: w.state(ctx, seen)}, true, nil
	case !final:
		w.doubt = time.Time{}
		return contract.AwaitResult{}, false, nil
	case status == Deleted || (seen.Found && w.events.concludes(status)):
	case w.doubtful():
		return contract.AwaitResult{}, false, nil
	case !seen.Found:
		return w.missed(ctx)
	}
	return contract.AwaitResult{Status: status, Reason: w.reason(seen.Stack), Stack: w.state(ctx, seen)}, true, nil
}

// requireProject rejects a stack that is neither the project's by its tags nor called like one of
// the project's: its events are not for anyone who can reach Temporal. A stack that a change set
// only proposed has no tags.
func (r *Reader) requireProject(seen Sighting) error {
	name := aws.ToString(seen.Stack.StackName)
	if !seen.Found || Tags(seen.Stack)[perch.TagProject] == r.policy.Project ||
		strings.HasPrefix(name, r.policy.Project+"-") {
		return nil
	}
	return awserr.Final(
		perch.ErrorInvalid,
		"stack %s is not one of project %s",
		aws.ToString(seen.Stack.StackId),
		r.policy.Project,
	)
}

// missed judges a stack that is not seen and whose events do not tell why: a listing leaves out a
// stack that was deleted outside of this run, and only its id still shows it.
func (w *Wait) missed(ctx context.Context) (contract.AwaitResult, bool, error) {
	bounded, cancel := context.WithTimeout(ctx, pulse.Beat)
	defer cancel()
	stack, found, err := w.stacks.Describe(bounded, w.in.StackID)
	switch {
	case err != nil:
		return contract.AwaitResult{}, false, w.tolerate(err)
	case !found:
		return contract.AwaitResult{}, false, awserr.Final(
			perch.ErrorStackFailed,
			"stack %s does not exist; someone may have deleted it: run the command again",
			w.in.StackID,
		)
	case stack.StackStatus != Deleted:
		return contract.AwaitResult{}, false, nil // The listing was stale: the next look tells.
	}
	return contract.AwaitResult{Status: Deleted}, true, nil
}

// state is the environment's stack as it was seen.
func (w *Wait) state(ctx context.Context, seen Sighting) *contract.StackState {
	if w.in.Environment == nil || !seen.Found {
		return nil
	}
	state := w.stacks.State(ctx, *w.in.Environment, seen.Stack)
	return &state
}

// read takes in the stack's new events, soon enough for the next heartbeat. A stack that cannot be
// seen yet has none.
func (w *Wait) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pulse.Beat)
	defer cancel()
	err := w.events.read(ctx)
	if awserr.UnknownStack(err) {
		return nil
	}
	w.events.describe(&w.Progress)
	return err
}

// reason is why the operation failed; a deletion that CloudFormation called off has no failed
// event, only the stack's own reason.
func (w *Wait) reason(stack types.Stack) string {
	if reason := w.events.failure(); reason != "" {
		return reason
	}
	return aws.ToString(stack.StackStatusReason)
}

// tolerate lets passing faults pass: throttling and lost connections are for the next tick, what no
// retry fixes is returned immediately.
func (w *Wait) tolerate(err error) error {
	if awserr.Throttled(err) {
		return nil
	}
	w.failures++
	if awserr.Denied(err) || w.failures > toleratedFailures {
		return awserr.Wrap(err, "look at stack %s", w.in.StackID)
	}
	return nil
}

// doubtful reports whether a sighting that contradicts the operation may still be a stale read.
func (w *Wait) doubtful() bool {
	if w.doubt.IsZero() {
		w.doubt = time.Now()
	}
	return time.Since(w.doubt) < w.stacks.StaleReads
}

// AwaitStack waits until the operation on the stack is over, however it ended. Its heartbeats are a
// perch.Progress.
func (r *Reader) AwaitStack(ctx context.Context, in contract.AwaitInput) (contract.AwaitResult, error) {
	begun := perch.Progress{Total: in.Total, Since: time.Now().UTC(), ExpectedSeconds: in.ExpectedSeconds}
	wait := r.NewWait(in, pulse.Resume(ctx, begun))
	sightings, stop := r.Poller.Watch(in.StackID)
	defer stop()
	timer := time.NewTicker(pulse.Beat)
	defer timer.Stop()
	for {
		activity.RecordHeartbeat(ctx, wait.Progress)
		select {
		case <-ctx.Done():
			return contract.AwaitResult{}, ctx.Err()
		case <-activity.GetWorkerStopChannel(ctx):
			return contract.AwaitResult{}, pulse.ErrStopping
		case <-timer.C:
		case seen := <-sightings:
			if result, done, err := wait.Take(ctx, seen); done || err != nil {
				return result, err
			}
		}
	}
}
