package cli

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"perch"
)

// progress is how far a run is, as its description says it.
type progress struct {
	Phase perch.Phase
	// Activity is the pending activity that says most: one with a heartbeat, else the first; empty where none is pending.
	Activity string
	// Beat is its last heartbeat, at most a few seconds old; nil where there is none.
	Beat *perch.Progress
	// Attempt and Failure say that the activity failed and is tried again.
	Attempt int
	Failure string
	// Untaken says that a workflow task lies on the task queue and no worker has taken it.
	Untaken bool
}

// look reads how far r is.
func (c *connection) look(ctx context.Context, r run) (progress, error) {
	description, err := c.client.DescribeWorkflowExecution(ctx, r.WorkflowID, r.RunID)
	if err != nil {
		return progress{}, fmt.Errorf("describe workflow %s: %w", r.WorkflowID, err)
	}
	return readProgress(description, c.payloads), nil
}

func readProgress(description *workflowservice.DescribeWorkflowExecutionResponse, payloads converter.DataConverter) progress {
	p := progress{
		Phase:   readPhase(description.GetWorkflowExecutionInfo()),
		Untaken: description.GetPendingWorkflowTask().GetState() == enumspb.PENDING_WORKFLOW_TASK_STATE_SCHEDULED,
	}
	for _, activity := range description.GetPendingActivities() {
		beat := readBeat(activity, payloads)
		if p.Activity != "" && (p.Beat != nil || beat == nil) {
			continue
		}
		p.Activity, p.Beat = activity.GetActivityType().GetName(), beat
		p.Attempt, p.Failure = int(activity.GetAttempt()), ""
		if failure := activity.GetLastFailure(); failure != nil {
			p.Failure = cause(temporal.GetDefaultFailureConverter().FailureToError(failure))
		}
	}
	return p
}

func readPhase(info *workflowpb.WorkflowExecutionInfo) perch.Phase {
	var phase string
	if payload, ok := info.GetSearchAttributes().GetIndexedFields()[perch.AttributePhase]; ok {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, &phase)
	}
	return perch.Phase(phase)
}

func readBeat(activity *workflowpb.PendingActivityInfo, payloads converter.DataConverter) *perch.Progress {
	details := activity.GetHeartbeatDetails()
	if details == nil {
		return nil
	}
	var beat perch.Progress
	if err := payloads.FromPayloads(details, &beat); err != nil || beat.Status == "" {
		return nil
	}
	return &beat
}
