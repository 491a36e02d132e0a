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

// prepare stores what is wanted. If the environment is already in that state, it stores nothing.
// Most repeated CI jobs end here, and cost a run of two activities.
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
		return admitted, a.allow(ctx, up.wanted) // AwaitReady reads the admission; no stack is changed.
	}
	rendered, err := a.publish(ctx, up.wanted)
	admitted.Prepared = &contract.Prepared{Rendered: rendered, Stack: up.stack, Closed: closed, Withdraws: withdraws}
	return admitted, err
}

// closed reports whether the stack is in service and a removal has closed some of its buckets.
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

// earlier returns what removals of the branch's earlier environments could not delete.
func (a *Admitter) earlier(ctx context.Context, up candidate) ([]perch.Leftover, error) {
	records, err := a.Removals.Of(ctx, up.wanted.environment)
	return leftovers.SummarizeBeside(records, up.stack.StackID), err
}

// settled reports whether the environment is already in the wanted state, including its seed data.
func (a *Admitter) settled(ctx context.Context, up candidate) (bool, error) {
	wanted := up.wanted
	stack := up.stack.Judged(wanted.template.Hash)
	stack.Recreate = up.recreate
	step := lifecycle.Next(stack, perch.GoalUp)
	if step != lifecycle.Done || wanted.sharesDatabase() {
		return false, nil // Only EnsureDatabase can tell whether the database is in the wanted state.
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
