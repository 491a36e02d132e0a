package change

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/activities/stack"
	"perch/lifecycle"
)

// DiagnoseDeletion lists what CloudFormation failed to delete and why, and what updates of the
// stack left behind.
func (c *Changer) DiagnoseDeletion(ctx context.Context, in contract.StackInput) (contract.Remains, error) {
	if _, err := c.Stacks.OwnStack(ctx, in); err != nil {
		return contract.Remains{}, err
	}
	var remains contract.Remains
	err := c.Stacks.EachResource(ctx, in.StackID, func(r types.StackResourceSummary) {
		if r.ResourceStatus == types.ResourceStatusDeleteFailed {
			remains.Failures = append(remains.Failures, lifecycle.Failure{
				LogicalID: aws.ToString(r.LogicalResourceId), Type: aws.ToString(r.ResourceType),
				PhysicalID: aws.ToString(r.PhysicalResourceId), Reason: aws.ToString(r.ResourceStatusReason),
			})
		}
	})
	if err != nil {
		return contract.Remains{}, err
	}
	remains.Dropped, err = c.droppedOrphans(ctx, in.StackID)
	return remains, err
}

// droppedOrphans returns what updates of the stack left behind, without what SweepResources cannot
// delete and what a template keeps.
func (c *Changer) droppedOrphans(ctx context.Context, stackID string) (orphans []contract.Orphan, err error) {
	dropped, err := c.Stacks.DroppedByUpdates(ctx, stackID)
	for _, event := range dropped {
		kind := aws.ToString(event.ResourceType)
		if leftovers.Sweeps(kind) && stack.DeletionPolicyOfDropped(event).DeletesResource() {
			orphans = append(orphans, contract.Orphan{
				Type: kind, PhysicalID: aws.ToString(event.PhysicalResourceId), StackID: stackID,
			})
		}
	}
	return orphans, err
}
