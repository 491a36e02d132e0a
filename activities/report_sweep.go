package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/client"
	"perch/lifecycle"
)

// sweepReports has every environment repair its report that was not delivered: a note makes its run, or a short one, tell
// what the card says. It fails no sweep: the next one repairs what this one could not.
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
	now := time.Now().UTC()
	for _, environment := range lifecycle.PlanReports(listed.Cards, now) {
		sum := sha256.Sum256([]byte(activity.GetInfo(ctx).WorkflowExecution.RunID + "\x00" + environment.Slug))
		note := perch.Note{
			ID: hex.EncodeToString(sum[:16]), Kind: perch.NoteReport, Project: environment.Project, Branch: environment.Branch,
			By: "sweep", At: now,
		}
		if err := v.send(ctx, note); err != nil {
			logger.Warn("a report that was not delivered is not repaired", "branch", environment.Branch, "error", err)
		}
	}
}

// sendNote sends a note through the worker's own connection to Temporal.
func sendNote(ctx context.Context, note perch.Note) error {
	return client.New(activity.GetClient(ctx)).SendNote(ctx, note)
}
