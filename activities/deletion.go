package activities

import (
	"context"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/stack"
)

// mayEmpty rejects a bucket of a stack that may return to service, and one that the stack's template keeps or that the
// stack does not name.
func (s *Stacks) mayEmpty(ctx context.Context, in contract.EmptyBucketInput) error {
	if err := s.RequireDeletion(ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID}); err != nil {
		return err
	}
	wishes, err := s.DeletionWishes(ctx, in.StackID)
	switch {
	case err != nil:
		return err
	case wishes[in.Bucket] == stack.WishUnknown:
		return awserr.Final(perch.ErrorInvalid, "neither the template nor the events of stack %s name bucket %s, so what the template wanted "+
			"of it is not known: it was left alone; delete it by hand if you do not need it", in.StackID, in.Bucket)
	case wishes[in.Bucket] != stack.WishDelete:
		return awserr.Final(perch.ErrorInvalid, "the template of stack %s keeps bucket %s: it was left alone; empty it by hand if you mean it", in.StackID, in.Bucket)
	}
	return nil
}
