package activities

import (
	"context"

	"perch/activities/contract"
	"perch/activities/seed"
)

// Seeds has the activities that put test data into environments.
type Seeds struct{ environments *seed.Environments }

// SeedData runs, in order, the seed steps that have not run for this stack yet.
func (s *Seeds) SeedData(ctx context.Context, in contract.SeedInput) (contract.SeedResult, error) {
	return s.environments.SeedData(ctx, in)
}

// ReopenBuckets allows writes to a stack's buckets again, and marks the seed steps that fill them
// as not done.
func (s *Seeds) ReopenBuckets(ctx context.Context, in contract.ReopenInput) (contract.ReopenResult, error) {
	return s.environments.ReopenBuckets(ctx, in)
}
