package activities

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch/activities/bucket"
	"perch/activities/contract"
)

// Buckets are the activities that act on a stack's buckets.
type Buckets struct {
	emptier *bucket.Emptier
	// mayEmpty rejects a stack that may return to service or is not the environment's, and a bucket
	// that the stack's template keeps.
	mayEmpty func(context.Context, contract.EmptyBucketInput) error
}

// newBuckets makes the activities of the account and region of cfg.
func newBuckets(cfg aws.Config, stacks *Stacks) *Buckets {
	return &Buckets{emptier: bucket.NewEmptier(cfg), mayEmpty: stacks.MayEmpty}
}

// EmptyBucket empties a bucket of the stack, as bucket.Emptier does. It rejects, before it changes
// anything, a bucket of another stack and a stack that may return to service: one that is deleted,
// that CloudFormation failed to delete, or of which it is deleting a resource, cannot.
func (b *Buckets) EmptyBucket(ctx context.Context, in contract.EmptyBucketInput) (contract.EmptyBucketResult, error) {
	if err := bucket.CheckStackID(in.Bucket, in.StackID); err != nil {
		return contract.EmptyBucketResult{}, err
	}
	if err := b.mayEmpty(ctx, in); err != nil {
		return contract.EmptyBucketResult{}, err
	}
	objects, err := b.emptier.Empty(ctx, in.Bucket, in.StackID)
	return contract.EmptyBucketResult{Objects: objects}, err
}
