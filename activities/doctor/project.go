package doctor

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/application"
	"perch/activities/stack"
	"perch/cfn"
)

// examined implements Project for a worker.
type examined struct {
	stacks *stack.Reader
	apps   *application.Stacks
}

func (e examined) DescribeStack(ctx context.Context, name string) (types.Stack, bool, error) {
	return e.stacks.Describe(ctx, name)
}

func (e examined) OwnsStack(ctx context.Context, described types.Stack) bool {
	return e.apps.Owns(ctx, described)
}

func (e examined) OtherRepositories(ctx context.Context) ([]perch.OtherRepository, error) {
	all, err := e.stacks.List(ctx)
	return all.OtherRepositories, err
}

func (e examined) ApplicationOutputs(ctx context.Context, kind perch.Kind) (cfn.ApplicationOutputs, error) {
	return e.apps.Outputs(ctx, kind)
}

// ProjectOf returns the project of a worker.
func ProjectOf(stacks *stack.Reader, apps *application.Stacks) Project { return examined{stacks, apps} }
