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
	// Retries are the pending activities that failed and are tried again.
	Retries []retry
	// Untaken says that a workflow task lies on the task queue and no worker has taken it.
	Untaken bool
}

// retry is an activity that failed and is tried again, as JSON and text show it.
type retry struct {
	Activity string `json:"activity"`
	// Attempt is the number of the attempt that runs or comes next, Failure what ended the one before.
	Attempt int    `json:"attempt"`
	Failure string `json:"failure"`
	// Next is when the attempt begins, RFC 3339 in UTC; empty while it runs.
	Next string `json:"next"`
}

func (r retry) String() string {
	next := ""
	if r.Next != "" {
		next = ", next try at " + r.Next
	}
	return fmt.Sprintf("%s is tried again (attempt %d%s) after: %s", r.Activity, r.Attempt, next, r.Failure)
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
		if failed, ok := readRetry(activity); ok {
			p.Retries = append(p.Retries, failed)
		}
		beat := readBeat(activity, payloads)
		if p.Activity != "" && (p.Beat != nil || beat == nil) {
			continue
		}
		p.Activity, p.Beat = activity.GetActivityType().GetName(), beat
	}
	return p
}

// readRetry reads an activity that has failed and is tried again; ok is false for any other.
func readRetry(activity *workflowpb.PendingActivityInfo) (r retry, ok bool) {
	failure := activity.GetLastFailure()
	if failure == nil {
		return retry{}, false
	}
	r = retry{
		Activity: activity.GetActivityType().GetName(), Attempt: int(activity.GetAttempt()),
		Failure: printable(cause(temporal.GetDefaultFailureConverter().FailureToError(failure))),
	}
	if at := activity.GetNextAttemptScheduleTime(); at != nil {
		r.Next = timestamp(at.AsTime())
	}
	return r, true
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
