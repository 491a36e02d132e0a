package activities

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/application"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/lifecycle"
)

// Verification has the activities that verify that an environment is removed, and delete what is
// left.
type Verification struct {
	stacks   *Stacks
	verifier *leftovers.Verifier
	// send sends a note to an environment.
	send func(context.Context, perch.Note) error
	// lastEnd returns how the latest run of a workflow ended; false if it is still open.
	lastEnd func(context.Context, string, perch.Request) (lifecycle.ClosedRun, bool, error)
	// now returns the time from which the ages of reports are counted.
	now func() time.Time
}

func newVerification(
	cfg aws.Config, stacks *Stacks, shared *application.Databases, interval time.Duration,
) *Verification {
	return &Verification{
		stacks: stacks, send: sendNote, lastEnd: lastEnd, now: time.Now,
		verifier: leftovers.NewVerifier(cfg, leftovers.Config{
			Policy: stacks.policy, Stacks: stacks.Reader, Records: stacks.removals,
			SharedDatabase: shared.Remains, Retract: stacks.apps.RetractAdmission, Interval: interval,
		}),
	}
}

// VerifyGone looks for the resources of the environment, and for anything that still has its
// tags.
func (v *Verification) VerifyGone(ctx context.Context, in contract.VerifyInput) (contract.VerifyResult, error) {
	if err := v.stacks.Serves(in.Environment.Project); err != nil {
		return contract.VerifyResult{}, err
	}
	return v.verifier.VerifyGone(ctx, in)
}

// SweepResources deletes resources that a stack was told to retain, and resources that no stack
// names any more.
func (v *Verification) SweepResources(ctx context.Context, in contract.SweepInput) (contract.SweepResult, error) {
	return v.verifier.SweepResources(ctx, in)
}

// RecheckLeftovers checks which leftovers of earlier removals of the project's environments still
// exist. It sends notes so that cards are corrected and undelivered reports delivered, because only
// a run with the environment's workflow ID writes its card.
func (v *Verification) RecheckLeftovers(
	ctx context.Context, in perch.CleanupInput,
) (result contract.RecheckResult, err error) {
	if err := v.stacks.Serves(in.Project); err != nil {
		return result, err
	}
	if !in.DryRun {
		v.sweepReports(ctx)
	}
	seen, err := v.verifier.RecheckLeftovers(ctx, in)
	v.noteLeftovers(ctx, seen.Outdated)
	if err != nil {
		return result, err
	}
	for _, left := range seen.Left {
		result.Failed = append(result.Failed, perch.CleanupFailure{Stack: left.Stack, Error: left.Sentence()})
	}
	return result, nil
}

// noteLeftovers sends notes that make runs compare their cards with what is left. The next cleanup
// sends the notes that could not be sent now.
func (v *Verification) noteLeftovers(ctx context.Context, outdated []perch.Environment) {
	for _, e := range outdated {
		note := perch.Note{
			ID:   perch.StableID(activity.GetInfo(ctx).WorkflowExecution.RunID, e.Slug, string(perch.NoteLeftovers)),
			Kind: perch.NoteLeftovers, Project: e.Project, Branch: e.Branch, By: "cleanup", At: time.Now().UTC(),
		}
		if err := v.send(ctx, note); err != nil {
			activity.GetLogger(ctx).Warn("leftovers are not looked for again", "branch", e.Branch, "error", err)
		}
	}
}
