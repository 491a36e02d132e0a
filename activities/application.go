package activities

import (
	"context"

	"perch"
	"perch/activities/application"
	"perch/activities/contract"
)

// Applications has the activities on the application stack, which the project's environments share.
type Applications struct{ stacks *application.Stacks }

// ApplyApplication creates or updates the application stack.
func (a *Applications) ApplyApplication(ctx context.Context, in contract.ApplyInput) (contract.ChangeResult, error) {
	return a.stacks.Apply(ctx, in)
}

// DescribeApplication reads the application stack; an empty status means that there is none.
func (a *Applications) DescribeApplication(
	ctx context.Context, in perch.ApplicationInput,
) (perch.ApplicationResult, error) {
	return a.stacks.Describe(ctx, in)
}
