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

// RequestLook sends hint to the open Look for the environment's branch, or starts a Look. If it
// returns no error, Temporal has stored the hint. It is harmless to send the same hint again.
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

// Reach returns nil if Temporal responds.
func (c *Client) Reach(ctx context.Context) error {
	if _, err := c.temporal.CheckHealth(ctx, &sdk.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("reach Temporal: %w", dial.Plain(err))
	}
	return nil
}

// LatestRun returns the state of the latest run with the environment's workflow ID. It ignores runs
// that only receive notes.
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

// LastEnd returns how the environment's latest run ended and how it answered request, or its own
// request if that is empty. The bool is false if the run is open, if it continued as another run,
// or if Temporal knows none. LastEnd ignores runs that only receive notes.
func (c *Client) LastEnd(
	ctx context.Context, workflowID string, request perch.Request,
) (lifecycle.ClosedRun, bool, error) {
	info, err := c.lastRun(ctx, workflowID)
	if err != nil || info == nil || info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return lifecycle.ClosedRun{}, false, err
	}
	goal, commit := goalOf(info.GetType().GetName()), readAttribute(info, perch.AttributeCommit)
	if request.Goal == "" {
		request = perch.Request{Goal: goal, Commit: commit}
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
		RunID: run.RunID, Began: info.GetStartTime().AsTime(), Closed: info.GetCloseTime().AsTime(),
		Goal: goal, Commit: commit, Answer: answer,
	}, true, nil
}
