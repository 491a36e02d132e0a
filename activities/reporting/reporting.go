// Package reporting enters into an environment's card what a run says of the environment.
//
// A report fails and delays no run: what cannot be recorded is said in the result.
package reporting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/card"
	"perch/activities/contract"
	"perch/activities/stack"
)

// LogReader reads the last n lines that an environment has logged since a time.
type LogReader interface {
	Last(ctx context.Context, environment perch.Environment, since time.Time, n int) perch.LogLines
}

// lastLines is how many lines of the log a card has of a deployment that failed.
const lastLines = 30

// Reporter records reports.
type Reporter struct {
	stacks *stack.Reader
	cards  *card.Store
	logs   LogReader
}

// New makes a Reporter.
func New(stacks *stack.Reader, cards *card.Store, logs LogReader) *Reporter {
	return &Reporter{stacks: stacks, cards: cards, logs: logs}
}

// Report enters the input into the environment's card, and deletes the card of an environment that is removed. A
// report of a removal is rejected while the environment has a stack. Any other error is in the result, unless there are
// notes.
func (r *Reporter) Report(ctx context.Context, in contract.ReportInput) (out contract.ReportResult, err error) {
	if in.Removed {
		stack, exists, err := r.stacks.Describe(ctx, in.Environment.StackName())
		switch {
		case err != nil:
			return failed(in, err)
		case exists && stack.StackStatus == types.StackStatusDeleteInProgress: // A stale read, if the removal is done.
			return out, fmt.Errorf("stack %s is still being deleted", in.Environment.StackName())
		case exists:
			return out, awserr.Final(perch.ErrorInvalid, "stack %s exists, so its environment is not removed; nothing was touched",
				in.Environment.StackName())
		}
	}
	log := r.lastLog(ctx, in)
	if _, err := r.cards.Update(ctx, in.Environment, func(c *perch.Card) error {
		fold(c, in, log)
		return nil
	}); err != nil {
		return failed(in, err)
	}
	if in.Removed {
		if _, err := r.cards.Delete(ctx, in.Environment); err != nil {
			return failed(in, err)
		}
	}
	return out, nil
}

// lastLog is what the environment has logged during a deployment that failed; nil for any other report.
func (r *Reporter) lastLog(ctx context.Context, in contract.ReportInput) *perch.LogLines {
	if in.State == nil || in.State.Goal != perch.GoalUp || in.State.Phase != perch.PhaseFailed || in.StackID == "" {
		return nil
	}
	log := r.logs.Last(ctx, in.Environment, in.State.Begun, lastLines)
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
