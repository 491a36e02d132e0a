package activities

import (
	"context"
	"strings"

	"perch"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/activities/seed"
	"perch/lifecycle"
)

// prepare stores what is wanted, or finds the environment settled and stores nothing. Most repeats of a CI job are that, and cost a run of two
// activities.
func (r *Requests) prepare(ctx context.Context, admitted contract.AdmitResult, up candidate) (contract.AdmitResult, error) {
	closed, err := r.closed(ctx, up.stack)
	if err != nil {
		return contract.AdmitResult{}, err
	}
	settled, err := r.settled(ctx, up)
	if err != nil {
		return contract.AdmitResult{}, err
	}
	withdraws, err := r.withdraws(ctx, up)
	if err != nil {
		return contract.AdmitResult{}, err
	}
	if settled && !closed && !withdraws {
		admitted.Settled = &contract.Settled{Stack: up.stack}
		return admitted, r.allow(ctx, up.wanted) // AwaitReady goes by it; no stack is changed.
	}
	rendered, err := r.publish(ctx, up.wanted)
	admitted.Prepared = &contract.Prepared{Rendered: rendered, Stack: up.stack, Closed: closed, Withdraws: withdraws}
	return admitted, err
}

// closed reports whether buckets of a stack that stays deny writes because of a removal.
func (r *Requests) closed(ctx context.Context, stack contract.StackState) (bool, error) {
	if !stack.Ours || strings.HasPrefix(stack.Status, "DELETE_") {
		return false, nil
	}
	closed, err := r.stacks.closedBuckets(ctx, stack.StackID)
	return len(closed) > 0, err
}

// earlier are what removals of the branch's earlier environments could not delete.
func (r *Requests) earlier(ctx context.Context, up candidate) ([]perch.Leftover, error) {
	records, err := r.stacks.removals.Of(ctx, up.wanted.environment)
	return leftovers.SummarizeBeside(records, up.stack.StackID), err
}

// settled reports whether the environment is what is wanted, seed data included.
func (r *Requests) settled(ctx context.Context, up candidate) (bool, error) {
	wanted := up.wanted
	stack := up.stack.Judged(wanted.template.Hash)
	stack.Recreate = up.recreate
	step := lifecycle.Next(stack, perch.GoalUp)
	if step != lifecycle.Done || wanted.sharesDatabase() {
		return false, nil // Whether a database in the shared instance is as it should be, EnsureDatabase sees.
	}
	for _, step := range wanted.file.Seed {
		mark := seed.Mark(up.stack.StackID, wanted.settings.Database, step)
		done, err := r.apps.HasObject(ctx, wanted.application.ArtifactBucket, mark)
		if err != nil || !done {
			return false, err
		}
	}
	return true, nil
}
