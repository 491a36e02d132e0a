package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/awserr"
	"perch/client"
)

// AskRemoval hands a removal to the environment's open run, or starts one, as the starter does. Asking again is harmless: the run absorbs it.
func (c *Cleanups) AskRemoval(ctx context.Context, in AskInput) (AskResult, error) {
	environment, err := perch.NewEnvironment(in.Project, in.Branch)
	if err != nil {
		return AskResult{}, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	temporal := client.New(activity.GetClient(ctx))
	failure, err := temporal.LastFailure(ctx, environment.StackName())
	if err != nil {
		return AskResult{}, err
	}
	request := removalRequest(in, activity.GetInfo(ctx).WorkflowExecution.RunID)
	run, err := temporal.Request(ctx, request, 0)
	if err != nil {
		return AskResult{}, err
	}
	return AskResult{RunID: run.RunID, RequestID: request.ID, Failure: failure}, nil
}

// removalRequest is the same for every retry within one run of cleanup.
func removalRequest(in AskInput, cleanupRun string) perch.Request {
	sum := sha256.Sum256([]byte(cleanupRun + "\x00" + in.Judged.StackID))
	return perch.Request{
		ID: hex.EncodeToString(sum[:16]), Goal: perch.GoalGone, Project: in.Project, Branch: in.Branch,
		By: "cleanup", Reason: in.Reason, Judged: &in.Judged,
	}
}
