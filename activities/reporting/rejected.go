package reporting

import (
	"context"
	"time"

	"perch"
	"perch/lifecycle"
)

// longestRejected is how long a rejected request may wait until its rejection is in the timeline.
const longestRejected = 3 * time.Second

// Rejected says why a request was rejected, when, and in which run.
type Rejected struct {
	RunID  string
	At     time.Time
	Reason string
}

// EnterRejected enters a rejected request into the timeline of its environment's card. No channel
// reports it, because the environment has not changed. An environment without a card gets none. A
// failure is ignored.
func (r *Reporter) EnterRejected(ctx context.Context, request perch.Request, rejected Rejected) {
	environment, err := perch.NewEnvironment(request.Project, request.Branch)
	if err != nil || r.stacks.Serves(request.Project) != nil {
		return
	}
	entering, stop := context.WithTimeout(ctx, longestRejected)
	defer stop()
	_, _ = r.cards.Update(entering, environment, func(c *perch.Card) error {
		if c.State.RunID == "" {
			return errNothingSaid
		}
		lifecycle.EnterRequest(c, perch.CardState{
			Goal: request.Goal, Commit: request.Commit, By: request.By, Reason: request.Reason,
			Phase: perch.PhaseRejected, Outcome: perch.OutcomeRejected, Sentence: rejected.Reason,
			RunID: rejected.RunID, Begun: rejected.At, At: rejected.At,
		})
		return nil
	})
}
