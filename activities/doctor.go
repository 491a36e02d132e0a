package activities

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/doctor"
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
type examined struct{ apps *Applications }

func (e examined) DescribeStack(ctx context.Context, name string) (types.Stack, bool, error) {
	return e.apps.stacks.Describe(ctx, name)
}

func (e examined) OwnsStack(ctx context.Context, stack types.Stack) bool {
	return e.apps.ours(ctx, stack)
}

func (e examined) OtherRepositories(ctx context.Context) ([]perch.OtherRepository, error) {
	all, err := e.apps.stacks.List(ctx)
	return all.OtherRepositories, err
}

func (e examined) ApplicationOutputs(ctx context.Context, kind perch.Kind) (cfn.ApplicationOutputs, error) {
	return e.apps.outputs(ctx, kind)
}
