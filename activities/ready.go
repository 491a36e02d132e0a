package activities

import (
	"context"

	"perch/activities/contract"
	"perch/activities/ready"
)

// Readiness is the activity that checks whether an environment answers, also by its name.
type Readiness struct{ prober *ready.Prober }

// AwaitReady requests the environment's address until it answers with a status below 400.
func (r *Readiness) AwaitReady(ctx context.Context, in contract.ReadyInput) (contract.ReadyResult, error) {
	return r.prober.AwaitReady(ctx, in)
}
