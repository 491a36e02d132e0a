package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"perch"
)

// AskInput is a removal to ask for.
type AskInput struct {
	Project string `json:"project"`
	Branch  string `json:"branch"`
	// Judged is what the removal is for, Reason why.
	Judged perch.Judgement `json:"judged"`
	Reason string          `json:"reason"`
}

// AskResult says which run holds the request.
type AskResult struct {
	RunID     string `json:"run_id"`
	RequestID string `json:"request_id"`
	// Failure is why the environment's removal failed the last time it was tried; empty where it did not.
	Failure string `json:"failure,omitempty"`
}

// AskRemoval hands a removal to the environment's open run, or starts one, as the starter does. Asking again is harmless: the run absorbs it.
func (c *Cleanups) AskRemoval(ctx context.Context, in AskInput) (AskResult, error) {
	environment, err := perch.NewEnvironment(in.Project, in.Branch)
	if err != nil {
		return AskResult{}, refuse(ErrorInvalid, "%v", err)
	}
	temporal := activity.GetClient(ctx)
	id := environment.StackName()
	failure, err := lastFailure(ctx, temporal, id)
	if err != nil {
		return AskResult{}, err
	}
	request := removalRequest(in, activity.GetInfo(ctx).WorkflowExecution.RunID)
	run, err := temporal.SignalWithStartWorkflow(ctx, id, perch.SignalRequest, request, client.StartWorkflowOptions{
		ID: id, TaskQueue: perch.TaskQueue(in.Project), StaticSummary: "cleanup of " + in.Branch,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, perch.WorkflowTeardown, perch.RunInput{Project: in.Project, Branch: in.Branch})
	if err != nil {
		return AskResult{}, fmt.Errorf("ask workflow %s for its removal: %w", id, err)
	}
	return AskResult{RunID: run.GetRunID(), RequestID: request.ID, Failure: failure}, nil
}

// removalRequest is the same for every retry within one run of cleanup.
func removalRequest(in AskInput, cleanupRun string) perch.Request {
	sum := sha256.Sum256([]byte(cleanupRun + "\x00" + in.Judged.StackID))
	return perch.Request{
		ID: hex.EncodeToString(sum[:16]), Goal: perch.GoalGone, Project: in.Project, Branch: in.Branch,
		By: "cleanup", Reason: in.Reason, Judged: &in.Judged,
	}
}

// lastFailure is how the latest run under id failed, where that was a removal; empty otherwise.
func lastFailure(ctx context.Context, c client.Client, id string) (string, error) {
	described, err := c.DescribeWorkflowExecution(ctx, id, "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look at workflow %s: %w", id, err)
	}
	info := described.GetWorkflowExecutionInfo()
	if info.GetType().GetName() != perch.WorkflowTeardown || info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_FAILED {
		return "", nil
	}
	err = c.GetWorkflow(ctx, id, info.GetExecution().GetRunId()).Get(ctx, nil)
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		return failed.Message(), nil
	}
	if err == nil || ctx.Err() != nil {
		return "", ctx.Err()
	}
	return err.Error(), nil
}
