package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/contract"
	"perch/client"
)

// AskRemoval hands a removal to the environment's open run, or starts one, as the starter does. Asking again is harmless: the run absorbs it.
func (c *Cleanups) AskRemoval(ctx context.Context, in contract.AskInput) (contract.AskResult, error) {
	temporal := client.New(activity.GetClient(ctx))
	failure, err := temporal.LastFailure(ctx, in.Environment.StackName())
	if err != nil {
		return contract.AskResult{}, err
	}
	request := removalRequest(in, activity.GetInfo(ctx).WorkflowExecution.RunID)
	run, err := temporal.Request(ctx, request, 0)
	if err != nil {
		return contract.AskResult{}, err
	}
	return contract.AskResult{RunID: run.RunID, RequestID: request.ID, Failure: failure}, nil
}

// AskDeployment requests an `up` for a branch that has no environment, as a webhook does.
func (c *Cleanups) AskDeployment(ctx context.Context, in contract.DeploymentInput) (contract.AskResult, error) {
	if err := c.stacks.Serves(in.Environment.Project); err != nil {
		return contract.AskResult{}, err
	}
	sum := sha256.Sum256([]byte(activity.GetInfo(ctx).WorkflowExecution.RunID + "\x00" + in.Environment.Branch + "\x00" + in.Commit))
	request := perch.Request{
		ID: hex.EncodeToString(sum[:16]), Goal: perch.GoalUp, Project: in.Environment.Project, Branch: in.Environment.Branch,
		Commit: in.Commit, Head: true, By: "cleanup", Reason: "the branch has no environment", Trigger: perch.TriggerWebhook,
	}
	run, err := client.New(activity.GetClient(ctx)).Request(ctx, request, 0)
	return contract.AskResult{RunID: run.RunID, RequestID: request.ID}, err
}

// removalRequest is the same for every retry within one run of cleanup.
func removalRequest(in contract.AskInput, cleanupRun string) perch.Request {
	sum := sha256.Sum256([]byte(cleanupRun + "\x00" + in.Judged.StackID))
	return perch.Request{
		ID: hex.EncodeToString(sum[:16]), Goal: perch.GoalGone, Project: in.Environment.Project, Branch: in.Environment.Branch,
		By: "cleanup", Reason: in.Reason, Judged: &in.Judged,
	}
}
