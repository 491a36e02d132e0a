// Package reporting enters into an environment's card what a run says of the environment, and has
// channels tell it to people.
//
// A report fails no run: what cannot be recorded or told is said in the result. The card remembers
// what has not been told.
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
	// longestDelivery is how long all channels together may take: a run waits for its last report.
	longestDelivery = 10 * time.Second
	// longestRepair is how long the card of a removed environment is kept for a last report that
	// cannot be delivered.
	longestRepair = 7 * 24 * time.Hour
	// longestSlackRepair is the limit for Slack, which must not hold cards up for long.
	longestSlackRepair = time.Hour
	// beforeRemoval is how far back the log of an environment is read when its removal begins.
	beforeRemoval = 24 * time.Hour
)

// LogReader reads the last n lines that an environment has logged since a time.
type LogReader interface {
	Last(ctx context.Context, environment perch.Environment, since time.Time, n int) perch.LogLines
}

// Channel tells people how far an environment is.
type Channel interface {
	// Deliver tells what differs from what was told last, and enters into the card what has been
	// told. again tries also what was denied before.
	Deliver(ctx context.Context, card *perch.Card, again bool)
}

// Reporter records and tells reports.
type Reporter struct {
	stacks *stack.Reader
	cards  *card.Store
	logs   LogReader
	// leftovers looks for what removals left.
	leftovers LeftoverChecker
	// channel is nil if reports go to the card only.
	channel Channel
	// bounds are the policy's for expiry, now is the time that it goes by.
	bounds perch.PolicyExpiry
	now    func() time.Time
}

// Config is what a Reporter works with.
type Config struct {
	Stacks *stack.Reader
	Cards  *card.Store
	Logs   LogReader
	// Leftovers looks for what removals left.
	Leftovers LeftoverChecker
	// Channel is nil if reports go to the card only.
	Channel Channel
	// Bounds are the policy's for expiry, Now is the time that it goes by.
	Bounds perch.PolicyExpiry
	Now    func() time.Time
}

// New makes a Reporter.
func New(cfg Config) *Reporter {
	return &Reporter{
		stacks: cfg.Stacks, cards: cfg.Cards, logs: cfg.Logs, leftovers: cfg.Leftovers, channel: cfg.Channel,
		bounds: cfg.Bounds, now: cfg.Now,
	}
}

// Report enters the input into the environment's card, tells it, and deletes the card of an
// environment that is removed. A report of a removal is rejected while the environment has a stack.
// Any other error is in the result, unless there are notes.
func (r *Reporter) Report(ctx context.Context, in contract.ReportInput) (out contract.ReportResult, err error) {
	if in.Removed {
		stack, exists, err := r.stacks.Describe(ctx, in.Environment.StackName())
		switch {
		case err != nil:
			return failed(in, err)
		case exists && stack.StackStatus == types.StackStatusDeleteInProgress: // A stale read, if the removal is done.
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

// record enters the input into the card, and tells it.
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

// errReplaced says that a life has ended whose record is to be written first.
var errReplaced = errors.New("another stack has replaced the card's")

// enter enters the input into the card. If another stack has replaced the card's, the record of
// that life is written first; if it cannot be, out says so.
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
		fold(c, in, log, r.channel != nil, r.bounds, r.now().UTC())
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

// errNothingSaid says that there are only notes, and no run has said anything yet that could be
// told.
var errNothingSaid = errors.New("no run has said anything of the environment")

// saysNothing reports whether the input has only notes without a state.
func saysNothing(in contract.ReportInput) bool {
	return in.State == nil &&
		!slices.ContainsFunc(in.Notes, func(n perch.Note) bool { return n.State != nil || keeps(n) })
}

// tell has the channel tell what the card says, and enters what it has told.
func (r *Reporter) tell(ctx context.Context, recorded *perch.Card, again bool) error {
	if r.channel == nil || recorded.State.Phase == "" {
		return nil
	}
	told := copied(*recorded)
	told.Slack.Undelivered = false // Only a channel to Slack marks it again.
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

// keep writes the history of an environment that is removed, before its removal is told and its
// card deleted. kept is false if the environment has a stack, or the history cannot be written.
// Then out says so: it fails no removal, and the card stays until the sweep has it tried again.
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

// drop deletes the card of an environment whose history is written, when its removal has been told.
func (r *Reporter) drop(ctx context.Context, recorded perch.Card) error {
	_, err := r.cards.DeleteIf(ctx, recorded.Environment, func(c perch.Card) bool {
		age := time.Since(c.State.At)
		gitHub := !c.GitHub.Undelivered || age > longestRepair
		slack := !c.Slack.Undelivered || age > longestSlackRepair
		return c.State.Phase == perch.PhaseGone && gitHub && slack
	})
	return err
}

// UpdateCard changes the card of an environment that has one, for a channel that tells people later
// than its delivery. A warning that was told late is entered, too.
func (r *Reporter) UpdateCard(ctx context.Context, e perch.Environment, change func(*perch.Card) error) error {
	_, err := r.cards.Update(ctx, e, func(c *perch.Card) error {
		if c.State.RunID == "" {
			return errNothingSaid
		}
		if err := change(c); err != nil {
			return err
		}
		enterWarned(c, *c, r.now().UTC())
		return nil
	})
	return err
}

// lastLog is what the environment has logged during a deployment that failed, or lately before its
// removal; nil for any other report. The removal does not wait for it.
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

// failed is how a report ends that could not be recorded.
func failed(in contract.ReportInput, err error) (contract.ReportResult, error) {
	err = fmt.Errorf("record the state of branch %s: %w", in.Environment.Branch, err)
	if len(in.Notes) > 0 && !errors.Is(err, card.ErrNoPlace) {
		return contract.ReportResult{}, err
	}
	return contract.ReportResult{Problems: []string{err.Error()}}, nil
}
