package stack

import (
	"context"
	"sync"
	"time"

	"perch"
	"perch/activities/sourceerr"
)

const (
	// idTimeout bounds a question for the repository's id.
	idTimeout = 10 * time.Second
	// idPause is how long reads go without the id after the source did not tell it.
	idPause = time.Minute
)

// Owner knows which stacks are the project's. It asks the source for the repository's id once
// and keeps it: a worker serves one repository.
type Owner struct {
	// Source is where the repository's id is read.
	Source Source

	policy *perch.Policy

	mu sync.Mutex
	// id is what the source said, if known is set; failed is when it last said nothing.
	id     string
	known  bool
	failed time.Time
}

// NewOwner makes an Owner.
func NewOwner(policy *perch.Policy, source Source) *Owner {
	return &Owner{Source: source, policy: policy}
}

// Certain is the identity with the repository's id. It is for what has to know the id: a new
// stack's tags, and an update of a stack that may be another repository's.
func (o *Owner) Certain(ctx context.Context) (perch.Identity, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.learn(ctx); err != nil {
		return perch.Identity{}, sourceerr.Wrap(err, "look for the id of %s", o.policy.Repository)
	}
	return o.policy.Identity(o.id), nil
}

// Current is the identity with the id if the source tells it now, and without it otherwise: `ls`
// and `down` go by the names alone while the source does not answer.
func (o *Owner) Current(ctx context.Context) perch.Identity {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.known && time.Since(o.failed) > idPause {
		_ = o.learn(ctx) // The names decide then.
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
