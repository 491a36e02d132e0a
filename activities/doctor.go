package activities

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/application"
	"perch/activities/doctor"
	"perch/activities/stack"
	"perch/cfn"
)

// Examinations are the activities that check whether everything is there that the worker needs. They change nothing.
type Examinations struct {
	stacks *Stacks
	doctor *doctor.Doctor
}

// Examine makes every check, also if others fail. A check that fails is a result and no error.
func (e *Examinations) Examine(ctx context.Context, in perch.DoctorInput) (perch.DoctorResult, error) {
	if err := e.stacks.Serves(in.Project); err != nil {
		return perch.DoctorResult{}, err
	}
	return perch.DoctorResult{Checks: e.doctor.Examine(ctx)}, nil
}

// examined is the project as the doctor's checks see it.
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
