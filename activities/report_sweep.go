package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/card"
	"perch/activities/stack"
	"perch/client"
	"perch/lifecycle"
)

// sweepReports sends a note for every undelivered report. The environment's run, or a short run for
// the note, then reports the card's state. If the card does not have the end of the latest run, the
// note says how that run ended. sweepReports returns no error, because the next sweep tries again.
func (v *Verification) sweepReports(ctx context.Context) {
	logger := activity.GetLogger(ctx)
	all, err := v.stacks.List(ctx)
	if err != nil {
		logger.Warn("reports that were not delivered are not repaired", "error", err)
		return
	}
	listed, err := v.stacks.cards.List(ctx, all)
	if err != nil {
		logger.Warn("reports that were not delivered are not repaired", "error", err)
		return
	}
	if v.stacks.cards.BucketIn(ctx, all) == "" {
		return // Without an artifact bucket there are no cards.
	}
	now := v.now().UTC()
	ended := map[string]bool{} // One note for each environment: a second one with the same ID would be dropped.
	for _, each := range lifecycle.AskAbout(listed.Cards, liveStacks(all, listed), now) {
		if len(ended) == lifecycle.MaxReports {
			break
		}
		environment, request := each.Card.Environment, perch.Request{}
		if said := each.Card.State; said.Phase.IsWorking() {
			request = perch.Request{Goal: said.Goal, Commit: said.Commit}
		}
		run, closed, err := v.lastEnd(ctx, environment.StackName(), request)
		if err != nil {
			logger.Warn("it is not known whether a run is at work", "branch", environment.Branch, "error", err)
		}
		if !closed {
			continue
		}
		if state, known := each.End(run); known {
			v.repairReport(ctx, environment, now, &state)
			ended[environment.Slug] = true
		}
	}
	for _, environment := range lifecycle.PlanReports(listed.Cards, now) {
		if !ended[environment.Slug] {
			v.repairReport(ctx, environment, now, nil)
		}
	}
}

// liveStacks returns the stacks of the project's environments, except those whose card cannot be
// read.
func liveStacks(all stack.All, listed card.Listing) (stacks []lifecycle.LiveStack) {
	unreadable := listed.Known().Unreadable
	for _, each := range all.Ours {
		if _, hidden := unreadable[each.Environment.Slug]; !hidden {
			stacks = append(stacks, lifecycle.LiveStack{Environment: each.Environment, Stack: stack.Listed(each.Stack)})
		}
	}
	return stacks
}

// repairReport sends a note that requests a report of state; nil means the card's state.
func (v *Verification) repairReport(ctx context.Context, e perch.Environment, now time.Time, state *perch.CardState) {
	note := perch.Note{
		ID:   perch.StableID(activity.GetInfo(ctx).WorkflowExecution.RunID, e.Slug),
		Kind: perch.NoteReport, Project: e.Project, Branch: e.Branch, By: "sweep", At: now, State: state,
	}
	if err := v.send(ctx, note); err != nil {
		activity.GetLogger(ctx).Warn(
			"a report that was not delivered is not repaired", "branch", e.Branch, "error", err,
		)
	}
}

// lastEnd asks Temporal, through the worker's connection, how the latest run of a workflow ended.
func lastEnd(ctx context.Context, workflowID string, request perch.Request) (lifecycle.ClosedRun, bool, error) {
	return client.New(activity.GetClient(ctx)).LastEnd(ctx, workflowID, request)
}

// sendNote sends a note through the worker's connection to Temporal.
func sendNote(ctx context.Context, note perch.Note) error {
	return client.New(activity.GetClient(ctx)).SendNote(ctx, note)
}
