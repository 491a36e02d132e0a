package activities

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch/activities/bucket"
	"perch/activities/contract"
)

// Buckets has the activities that change a stack's buckets.
type Buckets struct {
	emptier *bucket.Emptier
	// mayEmpty returns an error if the stack may return to service or does not belong to the
	// environment, and if the stack's template keeps the bucket.
	mayEmpty func(context.Context, contract.EmptyBucketInput) error
}

// newBuckets returns the activities for the account and region of cfg.
func newBuckets(cfg aws.Config, stacks *Stacks) *Buckets {
	return &Buckets{emptier: bucket.NewEmptier(cfg), mayEmpty: stacks.MayEmpty}
}

// EmptyBucket empties a bucket of the stack, as bucket.Emptier does. Before it changes anything, it
// rejects a bucket of another stack, and a stack that may return to service. A stack cannot return
// if it is deleted, if CloudFormation failed to delete it, or while CloudFormation deletes one of
// its resources.
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
