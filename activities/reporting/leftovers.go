package reporting

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// longestRecheck is how long the look for leftovers may take, because later reports of the run wait
// for it.
const longestRecheck = 30 * time.Second

// LeftoverChecker looks for what removals of an environment left.
type LeftoverChecker interface {
	// Recheck corrects the removals in the environment's card, and reports whether nothing is left
	// of the environment.
	Recheck(ctx context.Context, environment perch.Environment) (gone bool, err error)
}

func isAboutLeftovers(note perch.Note) bool { return note.Kind == perch.NoteLeftovers }

// says reports whether the input has anything other than notes about leftovers.
func says(in contract.ReportInput) bool {
	return in.State != nil || len(in.Ended) > 0 || len(in.Notes) == 0 ||
		slices.ContainsFunc(in.Notes, func(n perch.Note) bool { return !isAboutLeftovers(n) })
}

// recheck looks for what removals left. If nothing is left and the last removal failed, the
// environment is now removed: recheck reports that and deletes the card. If the look fails, out has
// a sentence about it and recheck returns no error, because the next cleanup requests the look
// again.
func (r *Reporter) recheck(ctx context.Context, environment perch.Environment, out *contract.ReportResult) error {
	looking, stop := context.WithTimeout(ctx, longestRecheck)
	defer stop()
	gone, err := r.leftovers.Recheck(looking, environment)
	if err != nil {
		out.Problems = append(out.Problems, fmt.Sprintf("look for leftovers of branch %s: %v", environment.Branch, err))
		return nil
	}
	if !gone {
		return nil
	}
	recorded, err := r.cards.Update(ctx, environment, func(c *perch.Card) error {
		return r.enterRemoved(c, time.Now().UTC())
	})
	if errors.Is(err, errNothingSaid) {
		return nil
	}
	kept := false
	if err == nil {
		kept, err = r.keep(ctx, recorded, false, out)
	}
	if err == nil {
		err = r.tell(ctx, &recorded, false)
	}
	if err == nil && kept {
		err = r.drop(ctx, recorded)
	}
	if err == nil {
		out.Problems = append(out.Problems, recorded.Problems()...)
	}
	return err
}

// enterRemoved enters that the environment is removed. The error is errNothingSaid if the last run
// was not a removal, or if something is left.
func (r *Reporter) enterRemoved(card *perch.Card, now time.Time) error {
	switch {
	case len(card.Removals) > 0:
		return errNothingSaid
	case card.RemovalFailed():
		removed := card.State
		removed.Phase, removed.Outcome, removed.At = perch.PhaseGone, perch.OutcomeGone, now
		removed.Failure, removed.Sentence = "", ""
		lifecycle.EnterRequest(card, removed)
		enterState(card, card.StackID, removed, nil)
		card.GitHub.Undelivered, card.Slack.Undelivered = r.channel != nil, r.channel != nil
	case card.State.Phase != perch.PhaseGone:
		return errNothingSaid
	}
	return nil
}
