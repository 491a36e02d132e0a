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
}

// settled renders what the request asks for, changes nothing, and holds it against the environment that is there; nil where something is
// to be done. Most repeats of a CI job end here, and cost a run of two activities.
func (r *Requests) settled(ctx context.Context, mine owned, in RenderInput) (*Settled, error) {
	wanted, err := r.render(ctx, in)
	if err != nil {
		return nil, err
	}
	state := r.stacks.state(mine.environment, mine.stack)
	step := lifecycle.Next(state.Judged(wanted.template.Hash), perch.GoalUp)
	if step != lifecycle.Done || wanted.sharesDatabase() {
		return nil, nil // Whether a database in the shared instance is as it should be, EnsureDatabase sees.
	}
	for _, seed := range wanted.file.Seed {
		done, err := r.apps.has(ctx, wanted.application.ArtifactBucket, seedMark(state.StackID, wanted.settings.Database, seed))
		if err != nil || !done {
			return nil, err
		}
	}
	return &Settled{Stack: state, HealthPath: wanted.settings.HealthPath}, nil
}
