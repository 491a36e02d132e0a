package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/cleanup"
	"perch/activities/contract"
	"perch/client"
)

// Cleanups has the activities that find environments to remove and branches without an environment,
// and send the requests for them.
type Cleanups struct {
	stacks  *Stacks
	planner *cleanup.Planner
	// teller is nil if there is no channel.
	teller heldTeller
}

// heldTeller tells people that cleanup is held. It never fails cleanup.
type heldTeller interface {
	TellHeld(ctx context.Context, project string, brake perch.CleanupBrake)
}

// longestTelling is how long a run waits while people are told that cleanup is held.
const longestTelling = 10 * time.Second

// PlanCleanup lists the stacks, then the branches, and judges every environment. If it holds the
// plan, it tells people.
func (c *Cleanups) PlanCleanup(ctx context.Context, in perch.CleanupInput) (contract.PlanResult, error) {
	plan, err := c.planner.Plan(ctx, in)
	if err == nil && plan.Brake != nil && !in.DryRun && c.teller != nil {
		telling, stop := context.WithTimeout(ctx, longestTelling)
		defer stop()
		c.teller.TellHeld(telling, in.Project, *plan.Brake)
	}
	return plan, err
}

// LastLook reads the stack and the one branch again, the branch last.
func (c *Cleanups) LastLook(ctx context.Context, in contract.LastLookInput) (contract.LastLookResult, error) {
	return c.planner.LastLook(ctx, in)
}

// AskRemoval sends a request for a removal to the environment's open run, or starts a run, like
// `perch down`. It may be repeated, because the run ignores a request that it already has.
func (c *Cleanups) AskRemoval(ctx context.Context, in contract.AskInput) (contract.AskResult, error) {
	temporal := client.New(activity.GetClient(ctx))
	failure, err := temporal.LastFailure(ctx, in.Environment.StackName())
	if err != nil {
		return contract.AskResult{}, err
	}
	request := cleanup.RemovalRequest(in, activity.GetInfo(ctx).WorkflowExecution.RunID)
	run, err := temporal.Request(ctx, request, 0)
	if err != nil {
		return contract.AskResult{}, err
	}
	return contract.AskResult{RunID: run.RunID, RequestID: request.ID, Failure: failure}, nil
}

// AskDeployment requests an `up` for a branch whose head is not deployed, as a webhook does.
func (c *Cleanups) AskDeployment(ctx context.Context, in contract.DeploymentInput) (contract.AskResult, error) {
	if err := c.stacks.Serves(in.Environment.Project); err != nil {
		return contract.AskResult{}, err
	}
	request := cleanup.DeploymentRequest(in, activity.GetInfo(ctx).WorkflowExecution.RunID)
	run, err := client.New(activity.GetClient(ctx)).Request(ctx, request, 0)
	return contract.AskResult{RunID: run.RunID, RequestID: request.ID}, err
}
