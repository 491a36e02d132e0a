package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/pulse"
	"perch/client"
)

// SweepExpiry judges the expiry of every environment, warns people, and requests the removal of
// expired environments. A dry run only judges.
func (c *Cleanups) SweepExpiry(ctx context.Context, in perch.ExpiryInput) (perch.ExpiryResult, error) {
	beats, stop := pulse.Start(ctx, perch.Progress{Status: "JUDGING EXPIRY"})
	defer stop()
	result, err := c.planner.Expiry(ctx, in)
	if err != nil || in.DryRun {
		return result, err
	}
	beats.Set(perch.Progress{Status: "WARNING"})
	var problems []error
	for i := range result.Verdicts {
		problems = append(problems, c.carryOut(ctx, &result.Verdicts[i], &result))
	}
	if err := errors.Join(problems...); err != nil && ctx.Err() == nil {
		result.Problem = err.Error() // The next sweep tries again.
	}
	return result, ctx.Err()
}

// carryOut sends the note or the request that follows from a verdict.
func (c *Cleanups) carryOut(ctx context.Context, verdict *perch.ExpiryVerdict, result *perch.ExpiryResult) error {
	temporal, run, now := client.New(activity.GetClient(ctx)), activity.GetInfo(ctx).
		WorkflowExecution.RunID, time.Now().UTC()
	if note := c.planner.ExpiryNote(*verdict, run, now); note != nil {
		if err := temporal.SendNote(ctx, *note); err != nil {
			return err
		}
	}
	if verdict.Action != perch.ExpiryRemove {
		return nil
	}
	started, err := temporal.Request(ctx, c.planner.ExpiryRequest(*verdict, run, now), 0)
	if err != nil {
		return err
	}
	verdict.RunID = started.RunID
	result.SavedUSDPerDay += verdict.USDPerDay
	return nil
}

// keepPause is how often Keep checks whether a run has entered the note.
const keepPause = 200 * time.Millisecond

// Keep checks a note that pins or extends the environment, or ends a pin. It sends the note to the
// environment, and waits until it is entered into the environment's card.
func (c *Cleanups) Keep(ctx context.Context, in perch.KeepInput) (perch.KeepResult, error) {
	if err := c.stacks.Serves(in.Environment.Project); err != nil {
		return perch.KeepResult{}, err
	}
	if result, entered, err := c.planner.Kept(ctx, in); entered || err != nil {
		return result, err // An earlier attempt has sent it.
	}
	note, err := c.planner.CheckKeep(ctx, in)
	if err != nil {
		return perch.KeepResult{}, err
	}
	if err := client.New(activity.GetClient(ctx)).SendNote(ctx, note); err != nil {
		return perch.KeepResult{}, err
	}
	for {
		result, entered, err := c.planner.Kept(ctx, in)
		if entered || err != nil {
			return result, err
		}
		if err := pulse.Pause(ctx, keepPause); err != nil {
			return perch.KeepResult{}, err
		}
	}
}
