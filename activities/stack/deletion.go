package stack

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
)

// RequireDeletion returns an error if the stack may return to service, because then its buckets
// must not be emptied. A stack cannot return if it is deleted, if CloudFormation failed to delete
// it (it can then only be deleted again), or if CloudFormation has begun to delete one of its
// resources.
func (r *Reader) RequireDeletion(ctx context.Context, in contract.StackInput) error {
	described, err := r.rootStack(ctx, in.StackID)
	if err != nil {
		return err
	}
	state := r.State(ctx, in.Environment, described)
	switch {
	case !state.Ours:
		return awserr.Final(
			perch.ErrorInvalid,
			"stack %s is not the one of branch %q: its buckets were not emptied",
			in.StackID,
			in.Environment.Branch,
		)
	case state.Kind != perch.KindBranch:
		return awserr.Final(
			perch.ErrorInvalid,
			"stack %s is of kind %s, and Perch empties only the buckets of branches: they were not emptied",
			in.StackID,
			state.Kind,
		)
	case state.Status == Deleted || state.Status == "DELETE_FAILED":
		return nil
	case state.Status != Deleting:
		return awserr.Final(
			perch.ErrorInvalid,
			"stack %s is %s and may return to service: its buckets were not emptied",
			in.StackID,
			state.Status,
		)
	}
	begun, err := r.deletesResource(ctx, state.StackID)
	if err == nil && !begun {
		err = fmt.Errorf(
			"empty the buckets of stack %s: CloudFormation has not begun to delete a resource and may still cancel "+
				"the deletion",
			in.StackID,
		)
	}
	return err
}

func endsDeletion(status types.ResourceStatus) bool {
	return status == types.ResourceStatusDeleteFailed || status == types.ResourceStatusDeleteComplete
}

// rootStack returns the stack with this id or, if that is nested, its root stack.
func (r *Reader) rootStack(ctx context.Context, stackID string) (types.Stack, error) {
	stack, found, err := r.Describe(ctx, stackID)
	if err == nil && found && aws.ToString(stack.RootId) != "" {
		stack, found, err = r.Describe(ctx, aws.ToString(stack.RootId))
	}
	if err == nil && !found {
		err = awserr.Final(perch.ErrorInvalid, "there is no stack %s: resources with its id were not changed", stackID)
	}
	return stack, err
}

// deletesResource reports whether the current deletion has begun to delete a resource of the stack.
// CloudFormation lists events newest first.
func (r *Reader) deletesResource(ctx context.Context, stackID string) (bool, error) {
	pages := cloudformation.NewDescribeStackEventsPaginator(
		r.cfn,
		&cloudformation.DescribeStackEventsInput{StackName: &stackID},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, awserr.Wrap(err, "list events of stack %s", stackID)
		}
		for _, event := range page.StackEvents {
			switch {
			case DeletesResource(event):
				return true, nil
			case IsStackEvent(event) && !endsDeletion(event.ResourceStatus):
				return false, nil // Older events belong to an earlier operation, such as an update's cleanup.
			}
		}
	}
	return false, nil
}
