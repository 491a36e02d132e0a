package activities

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/awserr"
	"perch/activities/pulse"
	"perch/lifecycle"
)

const (
	// staleReads is how long a stack may look as if the call that was just made had not happened. Reads of CloudFormation are
	// eventually consistent.
	staleReads = 30 * time.Second
	// fewWaits is up to how many waits at a time each one's events are read for its progress.
	fewWaits = 5
	// toleratedFailures is how many looks in a row may fail before the wait does.
	toleratedFailures = 20
	// deleted is the status of a stack that is gone. CloudFormation's listings leave it out; its events and its id still tell.
	deleted = "DELETE_COMPLETE"
	// deleting is the status of a stack while CloudFormation deletes it. It may still cancel the deletion
	// until it has begun to delete a resource.
	deleting = "DELETE_IN_PROGRESS"
)

// AwaitStack waits until the operation on the stack is over, however it ended. Its heartbeats are a perch.Progress.
func (s *Stacks) AwaitStack(ctx context.Context, in AwaitInput) (AwaitResult, error) {
	w := &wait{
		stacks: s, in: in, events: newEventLog(s.cfn, in.StackID, in.Token),
		progress: pulse.Resume(ctx, perch.Progress{Total: in.Total, Since: time.Now().UTC()}),
	}
	sightings, stop := s.poller.watch(in.StackID)
	defer stop()
	timer := time.NewTicker(pulse.Beat)
	defer timer.Stop()
	for {
		activity.RecordHeartbeat(ctx, w.progress)
		select {
		case <-ctx.Done():
			return AwaitResult{}, ctx.Err()
		case <-activity.GetWorkerStopChannel(ctx):
			return AwaitResult{}, pulse.ErrStopping
		case <-timer.C:
		case seen := <-sightings:
			if result, done, err := w.judge(ctx, seen); done || err != nil {
				return result, err
			}
		}
	}
}

type wait struct {
	stacks   *Stacks
	in       AwaitInput
	events   *eventLog
	progress perch.Progress
	failures int
	// doubt is when the stack began to look as if the operation had not.
	doubt time.Time
}

// judge decides by one sighting whether the wait is over.
func (w *wait) judge(ctx context.Context, seen sighting) (AwaitResult, bool, error) {
	if seen.err != nil {
		return AwaitResult{}, false, w.tolerate(seen.err)
	}
	if err := w.stacks.inProject(seen); err != nil {
		return AwaitResult{}, false, err
	}
	status := string(seen.stack.StackStatus)
	final := !lifecycle.InProgress(status)
	if final || w.in.UntilDeleting || w.stacks.poller.waiting() <= fewWaits {
		if err := w.read(ctx); err != nil {
			return AwaitResult{}, false, w.tolerate(err)
		}
	}
	w.failures = 0
	if !seen.found && w.events.concludes(deleted) {
		status = deleted
	}
	w.progress.Status = status
	switch {
	case w.in.UntilDeleting && status == deleting && w.events.deletesResource():
		return AwaitResult{Status: status, Stack: w.state(ctx, seen)}, true, nil
	case !final:
		w.doubt = time.Time{}
		return AwaitResult{}, false, nil
	case status == deleted || (seen.found && w.events.concludes(status)):
	case w.doubtful():
		return AwaitResult{}, false, nil
	case !seen.found:
		return w.missed(ctx)
	}
	return AwaitResult{Status: status, Reason: w.reason(seen.stack), Stack: w.state(ctx, seen)}, true, nil
}

// inProject rejects a stack that is neither the project's by its tags nor called like one of the project's: its
// events are not for whoever can reach Temporal. A stack that a change set only proposed has no tags.
func (s *Stacks) inProject(seen sighting) error {
	name := aws.ToString(seen.stack.StackName)
	if !seen.found || stackTags(seen.stack)[perch.TagProject] == s.policy.Project || strings.HasPrefix(name, s.policy.Project+"-") {
		return nil
	}
	return awserr.Final(perch.ErrorInvalid, "stack %s is not one of project %s", aws.ToString(seen.stack.StackId), s.policy.Project)
}

// missed judges a stack that is not seen and whose events do not tell why: a listing leaves out a stack that somebody else's deletion took away, and only
// its id still shows it.
func (w *wait) missed(ctx context.Context) (AwaitResult, bool, error) {
	bounded, cancel := context.WithTimeout(ctx, pulse.Beat)
	defer cancel()
	stack, found, err := w.stacks.describe(bounded, w.in.StackID)
	switch {
	case err != nil:
		return AwaitResult{}, false, w.tolerate(err)
	case !found:
		return AwaitResult{}, false, awserr.Final(perch.ErrorStackFailed, "stack %s does not exist; somebody may have removed it: run the command again", w.in.StackID)
	case stack.StackStatus != deleted:
		return AwaitResult{}, false, nil // The listing was stale: the next look tells.
	}
	return AwaitResult{Status: deleted}, true, nil
}

// state is the environment's stack as it was seen.
func (w *wait) state(ctx context.Context, seen sighting) *StackState {
	if w.in.Environment == nil || !seen.found {
		return nil
	}
	state := w.stacks.state(ctx, *w.in.Environment, seen.stack)
	return &state
}

// read takes in the stack's new events, soon enough for the next heartbeat. A stack that cannot be seen yet has none.
func (w *wait) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pulse.Beat)
	defer cancel()
	err := w.events.read(ctx)
	if awserr.UnknownStack(err) {
		return nil
	}
	w.events.describe(&w.progress)
	return err
}

// reason is why the operation failed; a deletion that CloudFormation called off has no failed event, only the stack's own reason.
func (w *wait) reason(stack types.Stack) string {
	if reason := w.events.failure(); reason != "" {
		return reason
	}
	return aws.ToString(stack.StackStatusReason)
}

// tolerate lets passing faults pass: throttling and lost connections are for the next tick, what no retry mends is returned at once.
func (w *wait) tolerate(err error) error {
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
func (w *wait) doubtful() bool {
	if w.doubt.IsZero() {
		w.doubt = time.Now()
	}
	return time.Since(w.doubt) < w.stacks.staleReads
}
