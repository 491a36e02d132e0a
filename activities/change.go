package activities

import (
	"context"

	"perch/activities/change"
	"perch/activities/contract"
)

// CreateStack asks CloudFormation to create the environment's stack.
func (s *Stacks) CreateStack(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	return s.changer.Create(ctx, in)
}

// UpdateStack asks CloudFormation to update the stack to the template.
func (s *Stacks) UpdateStack(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	return s.changer.Update(ctx, in)
}

// DeleteStack asks CloudFormation to delete the stack.
func (s *Stacks) DeleteStack(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	return s.changer.Delete(ctx, in)
}

// CancelUpdate rolls back the update in progress.
func (s *Stacks) CancelUpdate(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	return s.changer.CancelUpdate(ctx, in)
}

// ContinueRollback continues the rollback of an update that got stuck.
func (s *Stacks) ContinueRollback(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	return s.changer.ContinueRollback(ctx, in)
}

// RollbackStack rolls back a failed update whose resources were left as they were.
func (s *Stacks) RollbackStack(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	return s.changer.RollBack(ctx, in)
}

// AwaitBeanstalk waits until no Elastic Beanstalk environment of the stack has an operation in
// progress.
func (s *Stacks) AwaitBeanstalk(ctx context.Context, in contract.StackInput) error {
	return s.changer.AwaitBeanstalk(ctx, in)
}

// WithdrawOptions removes from the environment the options that its stack's template no longer
// sets.
func (s *Stacks) WithdrawOptions(ctx context.Context, in contract.StackInput) error {
	return s.changer.WithdrawOptions(ctx, in)
}

// DiagnoseDeletion lists what CloudFormation failed to delete and why, and what updates of the
// stack left behind.
func (s *Stacks) DiagnoseDeletion(ctx context.Context, in contract.StackInput) (contract.Remains, error) {
	return s.changer.DiagnoseDeletion(ctx, in)
}

// Deletions has the activities that prepare the deletion of an environment's stack.
type Deletions struct{ changer *change.Changer }

// PrepareDeletion checks everything that can still make the deletion of the environment's stack
// fail, and records what the stack holds.
func (d *Deletions) PrepareDeletion(ctx context.Context, in contract.PrepareInput) (contract.PrepareResult, error) {
	return d.changer.PrepareDeletion(ctx, in)
}
