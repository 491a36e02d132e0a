package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/dial"
)

// mostCleanups is how many of the newest cleanups are read in search of one that reached a
// decision.
const mostCleanups = 10

const (
	// dryRun marks the workflow IDs of dry runs, so that they are recognised without reading their
	// histories.
	dryRun = "cleanup-dry-run"
	// mostListed is how many of the newest cleanups, including dry runs, are listed.
	mostListed = 200
)

// HeldCleanup is a cleanup whose plan waits for approval because it exceeds the safety limit.
type HeldCleanup struct {
	// At is when the cleanup ended, in UTC.
	At     time.Time
	Result perch.CleanupResult
}

// HeldCleanup returns the project's newest cleanup that judged the branches, if its plan waits for
// approval; nil otherwise. It ignores dry runs. Temporal's index may lag by some seconds.
func (c *Client) HeldCleanup(ctx context.Context, project string) (*HeldCleanup, error) {
	found, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: mostListed, Query: fmt.Sprintf(
			"WorkflowType = '%s' AND %s = '%s' AND ExecutionStatus != 'Running'",
			perch.WorkflowCleanup, perch.AttributeProject, project,
		),
	})
	if err != nil {
		return nil, fmt.Errorf("list the cleanups of project %s: %w", project, dial.Plain(err))
	}
	read := 0
	for _, info := range found.GetExecutions() {
		if strings.HasPrefix(info.GetExecution().GetWorkflowId(), project+":"+dryRun+":") {
			continue
		}
		if read++; read > mostCleanups {
			break
		}
		result, decided, err := c.decidedCleanup(ctx, info)
		switch {
		case ctx.Err() != nil:
			return nil, err
		case err != nil: // Its history has expired, or Perch did not start it: skip it.
		case decided && result.Brake == nil:
			return nil, nil
		case decided:
			return &HeldCleanup{At: info.GetCloseTime().AsTime().UTC(), Result: result}, nil
		}
	}
	return nil, ctx.Err()
}

// decidedCleanup returns the result of a closed cleanup. decided is false if the cleanup was a dry
// run or could not judge the branches.
func (c *Client) decidedCleanup(
	ctx context.Context, info *workflowpb.WorkflowExecutionInfo,
) (result perch.CleanupResult, decided bool, err error) {
	run := Run{WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId()}
	event, err := c.lastEvent(ctx, run)
	if err != nil {
		return result, false, err
	}
	result, ended := c.cleanupResult(event)
	if !ended || result.Problem != "" {
		return result, false, nil
	}
	var in perch.CleanupInput
	events := c.temporal.GetWorkflowHistory(
		ctx, run.WorkflowID, run.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
	)
	first, err := events.Next()
	if err != nil {
		return result, false, fmt.Errorf("read history of workflow %s: %w", run.WorkflowID, dial.Plain(err))
	}
	if err := c.decode(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &in); err != nil {
		return result, false, fmt.Errorf("read the input of workflow %s: %w", run.WorkflowID, err)
	}
	return result, !in.DryRun, nil
}

// cleanupResult returns a cleanup's result from its last event: from the return value, or from the
// details of the failure.
func (c *Client) cleanupResult(event *historypb.HistoryEvent) (result perch.CleanupResult, ended bool) {
	if completed := event.GetWorkflowExecutionCompletedEventAttributes(); completed != nil {
		ended = c.decode(completed.GetResult(), &result) == nil
		return result, ended
	}
	failure := event.GetWorkflowExecutionFailedEventAttributes().GetFailure()
	if failure == nil {
		return result, false
	}
	var application *temporal.ApplicationError
	ended = errors.As(temporal.GetDefaultFailureConverter().FailureToError(failure), &application) &&
		application.Type() == perch.ErrorCleanupFailed && application.Details(&result) == nil
	return result, ended
}
