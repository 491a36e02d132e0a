package client

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"

	"perch"
	"perch/dial"
	"perch/lifecycle"
)

// RequestLook sends hint to the open Look at the environment's branch, or starts one. If it returns
// no error, Temporal has stored the hint. To send the same hint again is harmless.
func (c *Client) RequestLook(ctx context.Context, e perch.Environment, hint perch.Hint) (Run, error) {
	id := perch.LookWorkflowID(e)
	execution, err := c.temporal.SignalWithStartWorkflow(ctx, id, perch.SignalLook, hint, sdk.StartWorkflowOptions{
		ID: id, TaskQueue: perch.TaskQueue(e.Project), StaticSummary: "look at " + e.Branch,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, perch.WorkflowLook, perch.LookInput{Environment: e})
	if err != nil {
		return Run{}, fmt.Errorf("signal workflow %s: %w", id, dial.Plain(err))
	}
	return Run{WorkflowID: id, RunID: execution.GetRunID()}, nil
}

// Reach returns nil if Temporal answers.
func (c *Client) Reach(ctx context.Context) error {
	if _, err := c.temporal.CheckHealth(ctx, &sdk.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("reach Temporal: %w", dial.Plain(err))
	}
	return nil
}

// LatestRun is what the latest run of the environment with the workflow ID is doing, or how it
// ended. Runs that take notes do not count.
func (c *Client) LatestRun(ctx context.Context, workflowID string) (lifecycle.LatestRun, error) {
	info, err := c.lastRun(ctx, workflowID)
	switch {
	case err != nil:
		return "", fmt.Errorf("describe workflow %s: %w", workflowID, dial.Plain(err))
	case info == nil:
		return lifecycle.RunNone, nil
	case info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return lifecycle.RunEnded, nil
	case info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return lifecycle.RunFailed, nil
	case info.GetType().GetName() == perch.WorkflowTeardown:
		return lifecycle.RunRemoval, nil
	}
	return lifecycle.RunUp, nil
}

// LastEnd returns the answer to request in the end of the environment's latest run. It is false if
// the run is open, or if Temporal knows none. Runs that take notes do not count.
func (c *Client) LastEnd(
	ctx context.Context, workflowID string, request perch.Request,
) (lifecycle.ClosedRun, bool, error) {
	info, err := c.lastRun(ctx, workflowID)
	if err != nil || info == nil || info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return lifecycle.ClosedRun{}, false, err
	}
	run := Run{WorkflowID: workflowID, RunID: info.GetExecution().GetRunId()}
	event, err := c.lastEvent(ctx, run)
	if err != nil {
		return lifecycle.ClosedRun{}, false, err
	}
	answer, err := readLastEvent(event, request, c.decode)
	if err != nil || answer.NextRun != "" {
		return lifecycle.ClosedRun{}, false, err
	}
	return lifecycle.ClosedRun{
		RunID: run.RunID, Began: info.GetStartTime().AsTime(), Closed: info.GetCloseTime().AsTime(), Answer: answer,
	}, true, nil
}
