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

// Cleanups are the activities that find leftovers, and request their removal.
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

// longestTelling is how long people are told that cleanup is held: a run waits for it.
const longestTelling = 10 * time.Second

// PlanCleanup lists the stacks, then the branches, and judges. It tells people of a plan that is
// held.
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

// AskRemoval sends a removal to the environment's open run, or starts one, as the starter does. To
// repeat it is harmless: the run ignores the repeat.
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
