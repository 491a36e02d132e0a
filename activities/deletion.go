package activities

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/stack"
)

// requireDeletion rejects a stack that may return to service: its buckets must not be emptied. A stack
// cannot return once it is deleted, once CloudFormation failed to delete it (it can then only be deleted
// again), and once CloudFormation has begun to delete one of its resources.
func (s *Stacks) requireDeletion(ctx context.Context, in contract.StackInput) error {
	described, err := s.rootStack(ctx, in.StackID)
	if err != nil {
		return err
	}
	state := s.State(ctx, in.Environment, described)
	switch {
	case !state.Ours:
		return awserr.Final(perch.ErrorInvalid, "stack %s is not the one of branch %q: its buckets were left alone", in.StackID, in.Environment.Branch)
	case state.Kind != perch.KindBranch:
		return awserr.Final(perch.ErrorInvalid, "stack %s is of kind %s, and Perch empties only the buckets of branches: they were left alone", in.StackID, state.Kind)
	case state.Status == stack.Deleted || state.Status == "DELETE_FAILED":
		return nil
	case state.Status != stack.Deleting:
		return awserr.Final(perch.ErrorInvalid, "stack %s is %s and may return to service: its buckets were left alone", in.StackID, state.Status)
	}
	begun, err := s.deletesResource(ctx, state.StackID)
	if err == nil && !begun {
		err = fmt.Errorf("empty the buckets of stack %s: CloudFormation has not begun to delete a resource and may still cancel the deletion", in.StackID)
	}
	return err
}

// mayEmpty rejects a bucket of a stack that may return to service, and one that the stack's template keeps or that the
// stack does not name.
func (s *Stacks) mayEmpty(ctx context.Context, in contract.EmptyBucketInput) error {
	if err := s.requireDeletion(ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID}); err != nil {
		return err
	}
	wishes, err := s.deletionWishes(ctx, in.StackID)
	switch {
	case err != nil:
		return err
	case wishes[in.Bucket] == wishUnknown:
		return awserr.Final(perch.ErrorInvalid, "neither the template nor the events of stack %s name bucket %s, so what the template wanted "+
			"of it is not known: it was left alone; delete it by hand if you do not need it", in.StackID, in.Bucket)
	case wishes[in.Bucket] != wishDelete:
		return awserr.Final(perch.ErrorInvalid, "the template of stack %s keeps bucket %s: it was left alone; empty it by hand if you mean it", in.StackID, in.Bucket)
	}
	return nil
}

func endsDeletion(status types.ResourceStatus) bool {
	return status == types.ResourceStatusDeleteFailed || status == types.ResourceStatusDeleteComplete
}

// rootStack is the stack with this id, or the one that it is nested in.
func (s *Stacks) rootStack(ctx context.Context, stackID string) (types.Stack, error) {
	stack, found, err := s.Describe(ctx, stackID)
	if err == nil && found && aws.ToString(stack.RootId) != "" {
		stack, found, err = s.Describe(ctx, aws.ToString(stack.RootId))
	}
	if err == nil && !found {
		err = awserr.Final(perch.ErrorInvalid, "there is no stack %s: what carries its id was left alone", stackID)
	}
	return stack, err
}

// deletesResource reports whether the deletion in progress has come to a resource of the stack. Events come
// newest first.
func (s *Stacks) deletesResource(ctx context.Context, stackID string) (bool, error) {
	pages := cloudformation.NewDescribeStackEventsPaginator(s.cfn, &cloudformation.DescribeStackEventsInput{StackName: &stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, awserr.Wrap(err, "list events of stack %s", stackID)
		}
		for _, event := range page.StackEvents {
			switch {
			case stack.DeletesResource(event):
				return true, nil
			case stack.IsStackEvent(event) && !endsDeletion(event.ResourceStatus):
				return false, nil // Older events are of an earlier operation, such as the cleanup of an update.
			}
		}
	}
	return false, nil
}
