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

// removalRequest is the same for every retry within one run of cleanup.
func removalRequest(in contract.AskInput, cleanupRun string) perch.Request {
	sum := sha256.Sum256([]byte(cleanupRun + "\x00" + in.Judged.StackID))
	return perch.Request{
		ID: hex.EncodeToString(sum[:16]), Goal: perch.GoalGone, Project: in.Environment.Project, Branch: in.Environment.Branch,
		By: "cleanup", Reason: in.Reason, Judged: &in.Judged,
	}
}
