package stack

import (
	"context"
	"sync"
	"time"

	"perch"
	"perch/activities/sourceerr"
)

const (
	// idTimeout limits a request for the repository's id.
	idTimeout = 10 * time.Second
	// idPause is how long Owner does without the id after the source did not return it.
	idPause = time.Minute
)

// Owner knows which stacks belong to the project. It asks the source for the repository's id once
// and keeps it, because a worker serves one repository.
type Owner struct {
	// Source returns the repository's id.
	Source Source

	policy *perch.Policy

	mu sync.Mutex
	// id is what the source returned, if known is set. failed is when the source last returned an
	// error.
	id     string
	known  bool
	failed time.Time
}

// NewOwner returns an Owner.
func NewOwner(policy *perch.Policy, source Source) *Owner {
	return &Owner{Source: source, policy: policy}
}

// Certain returns the identity with the repository's id, or an error. It is for callers that need
// the id: for the tags of a new stack, and before an update of a stack that may belong to another
// repository.
func (o *Owner) Certain(ctx context.Context) (perch.Identity, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.learn(ctx); err != nil {
		return perch.Identity{}, sourceerr.Wrap(err, "look for the id of %s", o.policy.Repository)
	}
	return o.policy.Identity(o.id), nil
}

// Current returns the identity with the id or, if the source does not answer, without it. Then the
// names alone decide, so that `ls` and `down` work while the source does not answer.
func (o *Owner) Current(ctx context.Context) perch.Identity {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.known && time.Since(o.failed) > idPause {
		_ = o.learn(ctx) // Without the id, the names decide.
	}
	return o.policy.Identity(o.id)
}

func (o *Owner) learn(ctx context.Context) error {
	if o.known {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, idTimeout)
	defer cancel()
	id, err := o.Source.RepositoryID(ctx)
	if err != nil {
		o.failed = time.Now()
		return err
	}
	o.id, o.known = id, true
	return nil
}
