package admit

import (
	"context"
	"strings"

	"perch"
	"perch/activities/bucket"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/activities/seed"
	"perch/lifecycle"
)

// prepare stores what is wanted, or finds the environment settled and stores nothing. Most repeats
// of a CI job are that, and cost a run of two activities.
func (a *Admitter) prepare(
	ctx context.Context,
	admitted contract.AdmitResult,
	up candidate,
) (contract.AdmitResult, error) {
	closed, err := a.closed(ctx, up.stack)
	if err != nil {
		return contract.AdmitResult{}, err
	}
	settled, err := a.settled(ctx, up)
	if err != nil {
		return contract.AdmitResult{}, err
	}
	withdraws, err := a.withdraws(ctx, up)
	if err != nil {
		return contract.AdmitResult{}, err
	}
	if settled && !closed && !withdraws {
		admitted.Settled = &contract.Settled{Stack: up.stack}
		return admitted, a.allow(ctx, up.wanted) // AwaitReady goes by it; no stack is changed.
	}
	rendered, err := a.publish(ctx, up.wanted)
	admitted.Prepared = &contract.Prepared{Rendered: rendered, Stack: up.stack, Closed: closed, Withdraws: withdraws}
	return admitted, err
}

// closed reports whether buckets of a stack that stays deny writes because of a removal.
func (a *Admitter) closed(ctx context.Context, stack contract.StackState) (bool, error) {
	if !stack.Ours || strings.HasPrefix(stack.Status, "DELETE_") {
		return false, nil
	}
	contents, err := a.Stacks.Contents(ctx, contract.StackInput{StackID: stack.StackID})
	if err != nil {
		return false, err
	}
	closed, err := bucket.ClosedAmong(ctx, a.s3, contents.Buckets, a.Policy.Account)
	return len(closed) > 0, err
}

// earlier are what removals of the branch's earlier environments could not delete.
func (a *Admitter) earlier(ctx context.Context, up candidate) ([]perch.Leftover, error) {
	records, err := a.Removals.Of(ctx, up.wanted.environment)
	return leftovers.SummarizeBeside(records, up.stack.StackID), err
}

// settled reports whether the environment is what is wanted, seed data included.
func (a *Admitter) settled(ctx context.Context, up candidate) (bool, error) {
	wanted := up.wanted
	stack := up.stack.Judged(wanted.template.Hash)
	stack.Recreate = up.recreate
	step := lifecycle.Next(stack, perch.GoalUp)
	if step != lifecycle.Done || wanted.sharesDatabase() {
		return false, nil // Whether a database in the shared instance is as it should be, EnsureDatabase sees.
	}
	for _, step := range wanted.file.Seed {
		mark := seed.Mark(up.stack.StackID, wanted.settings.Database, step)
		done, err := a.Applications.HasObject(ctx, wanted.application.ArtifactBucket, mark)
		if err != nil || !done {
			return false, err
		}
	}
	return true, nil
}
