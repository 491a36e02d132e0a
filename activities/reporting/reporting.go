// Package reporting enters into an environment's card what a run reports about the environment, and
// has channels, such as GitHub, deliver the report to people.
//
// A report never fails a run: the result says what could not be recorded or delivered. The card
// remembers what was not delivered.
package reporting

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/card"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/lifecycle"
)

const (
	// longestDelivery is how long all channels together may take, because a run waits for its last
	// report.
	longestDelivery = 10 * time.Second
	// longestRepair is how long the card of a removed environment stays because its last report
	// could not be delivered.
	longestRepair = 7 * 24 * time.Hour
	// longestSlackRepair is the same limit for Slack. It is short, because Slack must not hold up
	// the deletion of cards.
	longestSlackRepair = time.Hour
	// beforeRemoval is how far back an environment's log is read when its removal begins.
	beforeRemoval = 24 * time.Hour
)

// LogReader reads the last n lines that an environment has logged since a time.
type LogReader interface {
	Last(ctx context.Context, environment perch.Environment, since time.Time, n int) perch.LogLines
}

// Channel delivers reports to people.
type Channel interface {
	// Deliver reports everything in the card that was not reported yet, and enters into the card
	// what it has reported. If again is true, it also tries what was denied before.
	Deliver(ctx context.Context, card *perch.Card, again bool)
}

// Reporter records reports in cards, and delivers them through a channel.
type Reporter struct {
	stacks *stack.Reader
	cards  *card.Store
	logs   LogReader
	// leftovers looks for what removals left.
	leftovers LeftoverChecker
	// channel is nil if reports only go to the card.
	channel Channel
	// bounds are the policy's limits for expiry. now returns the time that they are compared with.
	bounds perch.PolicyExpiry
	now    func() time.Time
}

// Config has what a Reporter needs.
type Config struct {
	Stacks *stack.Reader
	Cards  *card.Store
	Logs   LogReader
	// Leftovers looks for what removals left.
	Leftovers LeftoverChecker
	// Channel is nil if reports only go to the card.
	Channel Channel
	// Bounds are the policy's limits for expiry. Now returns the time that they are compared with.
	Bounds perch.PolicyExpiry
	Now    func() time.Time
}

// New returns a Reporter.
func New(cfg Config) *Reporter {
	return &Reporter{
		stacks: cfg.Stacks, cards: cfg.Cards, logs: cfg.Logs, leftovers: cfg.Leftovers, channel: cfg.Channel,
		bounds: cfg.Bounds, now: cfg.Now,
	}
}

// Report enters the input into the environment's card and delivers it. If the environment is
// removed, it then deletes the card. It rejects the report of a removal while the environment still
// has a stack. Other errors are in the result, unless the input has notes: then Report returns the
// error, so that Temporal tries again and no note is lost.
func (r *Reporter) Report(ctx context.Context, in contract.ReportInput) (out contract.ReportResult, err error) {
	if in.Removed {
		stack, exists, err := r.stacks.Describe(ctx, in.Environment.StackName())
		switch {
		case err != nil:
			return failed(in, err)
		case exists && stack.StackStatus == types.StackStatusDeleteInProgress: // The read may be stale.
			return out, fmt.Errorf("stack %s is still being deleted", in.Environment.StackName())
		case exists:
			return out, awserr.Final(
				perch.ErrorInvalid, "stack %s exists, so its environment is not removed; nothing was touched",
				in.Environment.StackName(),
			)
		}
	}
	if says(in) {
		out, err = r.record(ctx, in)
	}
	if err == nil && slices.ContainsFunc(in.Notes, isAboutLeftovers) {
		err = r.recheck(ctx, in.Environment, &out)
	}
	return out, err
}

// record enters the input into the card, and delivers it.
func (r *Reporter) record(ctx context.Context, in contract.ReportInput) (out contract.ReportResult, err error) {
	log := r.lastLog(ctx, in)
	recorded, err := r.enter(ctx, in, log, &out)
	if errors.Is(err, errNothingSaid) {
		return out, nil
	}
	kept := false
	if err == nil && recorded.State.Phase == perch.PhaseGone {
		kept, err = r.keep(ctx, recorded, in.Removed, &out)
	}
	if err == nil {
		err = r.tell(ctx, &recorded, slices.ContainsFunc(
			in.Notes, func(n perch.Note) bool { return n.Kind == perch.NoteReport || n.Kind == perch.NoteWarn },
		))
	}
	if err == nil && kept {
		err = r.drop(ctx, recorded)
	}
	if err != nil {
		return failed(in, err)
	}
	out.Problems = append(out.Problems, recorded.Problems()...)
	return out, nil
}

// errReplaced stops a write because another stack has replaced the card's. The history of the old
// stack must be written first.
var errReplaced = errors.New("another stack has replaced the card's")

// enter enters the input into the card. If another stack has replaced the card's, enter first
// writes the history of the old one; if that fails, out says so.
func (r *Reporter) enter(
	ctx context.Context, in contract.ReportInput, log *perch.LogLines, out *contract.ReportResult,
) (recorded perch.Card, err error) {
	var last perch.Card
	change := func(c *perch.Card) error {
		if c.State.RunID == "" && saysNothing(in) {
			return errNothingSaid
		}
		if in.State != nil && c.StackID != last.StackID {
			var ended bool
			if last, ended = lifecycle.ReplacedLife(*c, in.StackID, *in.State); ended {
				return errReplaced
			}
		}
		applyInput(c, in, log, r.channel != nil, r.bounds, r.now().UTC())
		return nil
	}
	recorded, err = r.cards.Update(ctx, in.Environment, change)
	if errors.Is(err, errReplaced) {
		if err := r.cards.KeepHistory(ctx, last); err != nil {
			out.Problems = append(out.Problems, err.Error())
		}
		recorded, err = r.cards.Update(ctx, in.Environment, change)
	}
	return recorded, err
}

// errNothingSaid stops a write because there are only notes, and no run has reported anything yet.
var errNothingSaid = errors.New("no run has said anything of the environment")

// saysNothing reports whether the input has only notes without a state, and none that change how
// long the environment lives.
func saysNothing(in contract.ReportInput) bool {
	return in.State == nil &&
		!slices.ContainsFunc(in.Notes, func(n perch.Note) bool { return n.State != nil || keeps(n) })
}

// tell has the channel report the card, and enters what it has reported.
func (r *Reporter) tell(ctx context.Context, recorded *perch.Card, again bool) error {
	if r.channel == nil || recorded.State.Phase == "" {
		return nil
	}
	told := copied(*recorded)
	told.Slack.Undelivered = false // Only a channel to Slack sets it again.
	delivering, stop := context.WithTimeout(ctx, longestDelivery)
	defer stop()
	r.channel.Deliver(delivering, &told, again)
	updated, err := r.cards.Update(ctx, recorded.Environment, func(c *perch.Card) error {
		enter(c, told, recorded.WriteID)
		enterWarned(c, told, r.now().UTC())
		return nil
	})
	if err == nil {
		*recorded = updated
	}
	return err
}

// keep writes the history of a removed environment, before its removal is reported and its card is
// deleted. kept is false if the environment has a stack, or if the history cannot be written. In
// the second case out says so, and the removal does not fail: the card stays until the sweep of
// reports tries again.
func (r *Reporter) keep(
	ctx context.Context, recorded perch.Card, removed bool, out *contract.ReportResult,
) (kept bool, err error) {
	if !removed {
		_, exists, err := r.stacks.Describe(ctx, recorded.Environment.StackName())
		if exists || err != nil {
			return false, err
		}
	}
	if err := r.cards.KeepHistory(ctx, recorded); err != nil {
		out.Problems = append(out.Problems, err.Error())
		return false, nil
	}
	return true, nil
}

// drop deletes the card once the removal has been reported. The caller has written the history.
func (r *Reporter) drop(ctx context.Context, recorded perch.Card) error {
	_, err := r.cards.DeleteIf(ctx, recorded.Environment, func(c perch.Card) bool {
		age := time.Since(c.State.At)
		gitHub := !c.GitHub.Undelivered || age > longestRepair
		slack := !c.Slack.Undelivered || age > longestSlackRepair
		return c.State.Phase == perch.PhaseGone && gitHub && slack
	})
	return err
}

// lastLog returns what the environment logged during a failed deployment, or shortly before its
// removal began; nil for any other report. The removal does not wait for it.
func (r *Reporter) lastLog(ctx context.Context, in contract.ReportInput) *perch.LogLines {
	if in.State == nil || in.StackID == "" {
		return nil
	}
	since := in.State.Begun
	switch {
	case in.State.Goal == perch.GoalUp && in.State.Phase == perch.PhaseFailed:
	case in.State.Goal == perch.GoalGone && in.State.Phase == perch.PhaseRemoving:
		since = since.Add(-beforeRemoval)
	default:
		return nil
	}
	log := r.logs.Last(ctx, in.Environment, since, perch.FailureLogLines)
	return &log
}

// failed returns the outcome of a report that could not be recorded. A report with notes returns
// the error, so that it is tried again.
func failed(in contract.ReportInput, err error) (contract.ReportResult, error) {
	err = fmt.Errorf("record the state of branch %s: %w", in.Environment.Branch, err)
	if len(in.Notes) > 0 && !errors.Is(err, card.ErrNoPlace) {
		return contract.ReportResult{}, err
	}
	return contract.ReportResult{Problems: []string{err.Error()}}, nil
}
