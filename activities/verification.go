package activities

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch"
	"perch/activities/application"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/lifecycle"
)

// Verification are the activities that see whether an environment is gone, and delete what is left.
type Verification struct {
	stacks   *Stacks
	verifier *leftovers.Verifier
	// send sends a note to an environment.
	send func(context.Context, perch.Note) error
	// lastEnd is how the latest run of a workflow ended; false if it is open.
	lastEnd func(context.Context, string, perch.Request) (lifecycle.ClosedRun, bool, error)
}

func newVerification(cfg aws.Config, stacks *Stacks, shared *application.Databases, interval time.Duration) *Verification {
	return &Verification{stacks: stacks, send: sendNote, lastEnd: lastEnd, verifier: leftovers.NewVerifier(cfg, leftovers.Config{
		Policy: stacks.policy, Stacks: stacks.Reader, Records: stacks.removals,
		SharedDatabase: shared.Remains, Retract: stacks.apps.RetractAdmission, Interval: interval,
	})}
}

// VerifyGone looks for what the environment held, and for anything that still carries its tags.
func (v *Verification) VerifyGone(ctx context.Context, in contract.VerifyInput) (contract.VerifyResult, error) {
	if err := v.stacks.Serves(in.Environment.Project); err != nil {
		return contract.VerifyResult{}, err
	}
	return v.verifier.VerifyGone(ctx, in)
}

// SweepResources deletes what a stack was told to leave behind, and what no stack names any more.
func (v *Verification) SweepResources(ctx context.Context, in contract.SweepInput) (contract.SweepResult, error) {
	return v.verifier.SweepResources(ctx, in)
}

// RecheckLeftovers looks again for what earlier removals of the project's environments left, and has reports repaired
// that were not delivered.
func (v *Verification) RecheckLeftovers(ctx context.Context, in perch.CleanupInput) (contract.RecheckResult, error) {
	if err := v.stacks.Serves(in.Project); err != nil {
		return contract.RecheckResult{}, err
	}
	if !in.DryRun {
		v.sweepReports(ctx)
	}
	return v.verifier.RecheckLeftovers(ctx, in)
}
