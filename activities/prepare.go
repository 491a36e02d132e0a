package activities

import (
	"context"

	"perch"
	"perch/lifecycle"
)

// Settled is an environment that is already what a request asks for: nothing is left to do but to look whether it answers.
type Settled struct {
	// Stack is the environment's stack.
	Stack StackState `json:"stack"`
	// HealthPath is the path that answers when the app is healthy.
	HealthPath string `json:"health_path"`
	// Own says that its template is one of the project's own.
	Own bool `json:"own,omitempty"`
}

// Prepared is what there is to do: RenderTemplate's result, and the stack as DescribeStack would have found it.
type Prepared struct {
	Rendered RenderResult `json:"rendered"`
	Stack    StackState   `json:"stack"`
}

// prepare stores what is wanted, or finds the environment settled and stores nothing. Most repeats of a CI job are that, and cost a run of two
// activities.
func (r *Requests) prepare(ctx context.Context, admitted AdmitResult, up candidate) (AdmitResult, error) {
	settled, err := r.settled(ctx, up)
	if err != nil {
		return AdmitResult{}, err
	}
	if settled {
		admitted.Settled = &Settled{Stack: up.stack, HealthPath: up.wanted.settings.HealthPath, Own: up.wanted.own()}
		return admitted, nil
	}
	rendered, err := r.publish(ctx, up.wanted)
	admitted.Prepared = &Prepared{Rendered: rendered, Stack: up.stack}
	return admitted, err
}

// settled reports whether the environment is what is wanted, seed data included.
func (r *Requests) settled(ctx context.Context, up candidate) (bool, error) {
	wanted := up.wanted
	step := lifecycle.Next(up.stack.Judged(wanted.template.Hash), perch.GoalUp)
	if step != lifecycle.Done || wanted.sharesDatabase() {
		return false, nil // Whether a database in the shared instance is as it should be, EnsureDatabase sees.
	}
	for _, seed := range wanted.file.Seed {
		done, err := r.apps.has(ctx, wanted.application.ArtifactBucket, seedMark(up.stack.StackID, wanted.settings.Database, seed))
		if err != nil || !done {
			return false, err
		}
	}
	return true, nil
}
