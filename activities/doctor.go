package activities

import (
	"context"

	"perch"
	"perch/activities/doctor"
)

// Examinations has the activities that check whether the worker has everything that it needs. They
// change nothing.
type Examinations struct {
	stacks *Stacks
	doctor *doctor.Doctor
}

// Examine makes every check, even if some fail. A failed check is a result and not an error.
func (e *Examinations) Examine(ctx context.Context, in perch.DoctorInput) (perch.DoctorResult, error) {
	if err := e.stacks.Serves(in.Project); err != nil {
		return perch.DoctorResult{}, err
	}
	return perch.DoctorResult{Checks: e.doctor.Examine(ctx)}, nil
}
