package client

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/dial"
	"perch/report"
)

// Progress is the progress of a run, as Temporal describes it.
type Progress struct {
	// Goal is the goal of the run; empty if the run does not change an environment.
	Goal  perch.Goal
	Phase perch.Phase
	// Activity is a pending activity, preferably one with a heartbeat; empty if none is pending.
	Activity string
	// Beat is the last heartbeat of Activity, at most a few seconds old; nil if there is none.
	Beat *perch.Progress
	// Retries are the pending activities that failed and are being retried.
	Retries []Retry
	// Untaken means that a workflow task waits on the task queue because no worker has taken it.
	Untaken bool
	// Lost means that Temporal does not respond. The other fields are then the last known values.
	Lost bool
}

// Known returns the part of the progress that package report describes.
func (p Progress) Known() report.Known {
	return report.Known{Goal: p.Goal, Phase: p.Phase, Activity: p.Activity, Beat: p.Beat}
}

// Retry is an activity that failed and is being retried.
type Retry struct {
	Activity string `json:"activity"`
	// Attempt is the number of the current or next attempt. Failure is the error of the previous
	// attempt.
	Attempt int    `json:"attempt"`
	Failure string `json:"failure"`
	// Next is when the next attempt begins, RFC 3339 in UTC; empty while an attempt is running.
	Next string `json:"next"`
}

// String returns a sentence without its period.
func (r Retry) String() string {
	next := ""
	if r.Next != "" {
		next = ", next try at " + r.Next
	}
	return fmt.Sprintf("%s failed and is tried again (attempt %d%s): %s", r.words(), r.Attempt, next, r.Failure)
}

// words describes the activity in words, such as `checking the request`.
func (r Retry) words() string {
	words := report.ActivityWords(r.Activity)
	return strings.ToLower(words[:1]) + words[1:]
}

// RetrySentences names the activities that are being retried, each after a semicolon.
func (p Progress) RetrySentences() string {
	var sentences strings.Builder
	for _, failed := range p.Retries {
		sentences.WriteString("; " + failed.String())
	}
	return sentences.String()
}

// Look reads the progress of r. Without a run id it reads the workflow's newest run.
func (c *Client) Look(ctx context.Context, r Run) (Progress, error) {
	description, err := c.temporal.DescribeWorkflowExecution(ctx, r.WorkflowID, r.RunID)
	if err != nil {
		return Progress{}, fmt.Errorf("describe workflow %s: %w", r.WorkflowID, err)
	}
	return readProgress(description, c.payloads), nil
}

// Latest returns the progress of the environment's newest run, and that run. Both are empty if
// Temporal knows none. Latest ignores runs that only receive notes.
func (c *Client) Latest(ctx context.Context, e perch.Environment) (Progress, Run, error) {
	info, err := c.lastRun(ctx, e.StackName())
	if err != nil {
		return Progress{}, Run{}, fmt.Errorf("describe workflow %s: %w", e.StackName(), dial.Plain(err))
	}
	if info == nil {
		return Progress{}, Run{}, nil
	}
	run := Run{WorkflowID: e.StackName(), RunID: info.GetExecution().GetRunId()}
	progress, err := c.Look(ctx, run)
	return progress, run, err
}

func readProgress(
	description *workflowservice.DescribeWorkflowExecutionResponse, payloads converter.DataConverter,
) Progress {
	p := Progress{
		Goal:    goalOf(description.GetWorkflowExecutionInfo().GetType().GetName()),
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

// readRetry describes an activity that has failed and is being retried; ok is false if it has not
// failed.
func readRetry(activity *workflowpb.PendingActivityInfo) (r Retry, ok bool) {
	failure := activity.GetLastFailure()
	if failure == nil {
		return Retry{}, false
	}
	r = Retry{
		Activity: activity.GetActivityType().GetName(), Attempt: int(activity.GetAttempt()),
		Failure: perch.Printable(Cause(temporal.GetDefaultFailureConverter().FailureToError(failure))),
	}
	if at := activity.GetNextAttemptScheduleTime(); at != nil {
		r.Next = at.AsTime().UTC().Format(time.RFC3339)
	}
	return r, true
}

// goalOf returns the goal of a workflow type's runs; empty if they have none.
func goalOf(workflow string) perch.Goal {
	switch workflow {
	case perch.WorkflowProvision:
		return perch.GoalUp
	case perch.WorkflowTeardown:
		return perch.GoalGone
	}
	return ""
}

func readPhase(info *workflowpb.WorkflowExecutionInfo) perch.Phase {
	return perch.Phase(readAttribute(info, perch.AttributePhase))
}

// readAttribute returns the text of a search attribute; empty if the run has none.
func readAttribute(info *workflowpb.WorkflowExecutionInfo, name string) (text string) {
	if payload, ok := info.GetSearchAttributes().GetIndexedFields()[name]; ok {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, &text)
	}
	return text
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
