package stack

import (
	"context"
	"reflect"
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
	// staleReads is how long a read may still show the stack as it was before the last call. Reads
	// of CloudFormation are eventually consistent.
	staleReads = 30 * time.Second
	// fewWaits is the largest number of concurrent waits with which each wait reads its stack's
	// events for its progress. With more of them, a wait reads events only at the end.
	fewWaits = 5
	// progressEvery is how many sightings there are for each reading of events for the progress,
	// once it is known which resource CloudFormation works on. A reading costs several times as
	// much as a sighting: it lists up to 100 events.
	progressEvery = 3
	// toleratedFailures is how many consecutive failed reads a wait tolerates.
	toleratedFailures = 20
	// Deleted is the status of a deleted stack. CloudFormation does not list such a stack, but
	// still describes it by its id.
	Deleted = "DELETE_COMPLETE"
	// Deleting is the status of a stack while CloudFormation deletes it. CloudFormation can still
	// cancel the deletion until it begins to delete a resource.
	Deleting = "DELETE_IN_PROGRESS"
)

// NewWait returns a Wait that continues from progress.
func (r *Reader) NewWait(in contract.AwaitInput, progress perch.Progress) *Wait {
	return &Wait{stacks: r, in: in, events: newEventLog(r.cfn, in.StackID, in.Token), Progress: progress}
}

// Wait waits for the end of one operation on a stack.
type Wait struct {
	// Progress says how far the operation is.
	Progress perch.Progress

	stacks   *Reader
	in       contract.AwaitInput
	events   *eventLog
	failures int
	// sightings counts the sightings without an error.
	sightings int
	// doubt is when a read first showed the stack as if the operation had not begun.
	doubt time.Time
}

// Take takes one sighting of the stack and decides whether the wait is over.
func (w *Wait) Take(ctx context.Context, seen Sighting) (contract.AwaitResult, bool, error) {
	if seen.Err != nil {
		return contract.AwaitResult{}, false, w.tolerate(seen.Err)
	}
	if err := w.stacks.requireProject(seen); err != nil {
		return contract.AwaitResult{}, false, err
	}
	status := string(seen.Stack.StackStatus)
	final := !lifecycle.InProgress(status)
	few := w.stacks.Poller.Waiting() <= fewWaits
	if !few {
		w.Progress.Awaited = nil
	}
	progress := few && (w.sightings%progressEvery == 0 || w.Progress.Awaited == nil)
	w.sightings++
	if final || w.in.UntilDeleting || progress {
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
		return contract.AwaitResult{Status: status}, true, nil
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

// requireProject returns an error unless the stack's tags or its name show that it belongs to the
// project. Otherwise anyone who can reach Temporal could read the events of any stack. The name
// counts because a stack whose change set was never executed has no tags.
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

// missed handles a stack that is not listed and whose events do not say why. A stack that was
// deleted outside of this run is not listed any more, but its id still finds it.
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
		return contract.AwaitResult{}, false, nil // The listing was stale. The next sighting decides.
	}
	return contract.AwaitResult{Status: Deleted}, true, nil
}

// state returns the state of the environment's stack in this sighting.
func (w *Wait) state(ctx context.Context, seen Sighting) *contract.StackState {
	if w.in.Environment == nil || !seen.Found {
		return nil
	}
	state := w.stacks.State(ctx, *w.in.Environment, seen.Stack)
	return &state
}

// read reads the stack's new events. It takes no longer than the time between two heartbeats. A
// stack that is not visible yet has no events.
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

// reason says why the operation failed. If CloudFormation cancelled a deletion, there is no failed
// event, and only the stack itself has a reason.
func (w *Wait) reason(stack types.Stack) string {
	if reason := w.events.failure(); reason != "" {
		return reason
	}
	return aws.ToString(stack.StackStatusReason)
}

// tolerate returns nil for errors that are probably temporary, such as throttling and lost
// connections: the next tick tries again. It returns other errors, and errors that last too long.
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

// AwaitStack waits until the operation on the stack is over, whether it succeeded or failed. Each
// heartbeat is a perch.Progress. It sends one in each pulse.Beat and for each change, and not for
// each sighting, because a heartbeat costs Temporal a write and its users an action.
func (r *Reader) AwaitStack(ctx context.Context, in contract.AwaitInput) (contract.AwaitResult, error) {
	begun := perch.Progress{Total: in.Total, Since: time.Now().UTC(), ExpectedSeconds: in.ExpectedSeconds}
	wait := r.NewWait(in, pulse.Resume(ctx, begun))
	sightings, stop := r.Poller.Watch(in.StackID)
	defer stop()
	beating, stopBeating := pulse.Start(ctx, wait.Progress)
	defer stopBeating()
	for {
		last := wait.Progress
		select {
		case <-ctx.Done():
			return contract.AwaitResult{}, ctx.Err()
		case <-activity.GetWorkerStopChannel(ctx):
			return contract.AwaitResult{}, pulse.ErrStopping
		case seen := <-sightings:
			if result, done, err := wait.Take(ctx, seen); done || err != nil {
				return result, err
			}
			if !reflect.DeepEqual(wait.Progress, last) {
				beating.Set(wait.Progress)
			}
		}
	}
}
