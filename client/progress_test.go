package client

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"perch"
)

var throttled = Retry{Activity: "CreateStack", Attempt: 3, Failure: "Rate exceeded", Next: "2026-11-22T09:30:00Z"}

func TestProgressOfADescription(t *testing.T) {
	beat := perch.Progress{Status: "CREATE_IN_PROGRESS", Done: 1, Total: 2}
	pending := func(name string, details *commonpb.Payloads) *workflowpb.PendingActivityInfo {
		return &workflowpb.PendingActivityInfo{
			ActivityType: &commonpb.ActivityType{Name: name}, HeartbeatDetails: details, Attempt: 1,
		}
	}
	retried := pending("CreateStack", nil)
	retried.Attempt = 3
	retried.NextAttemptScheduleTime = timestamppb.New(time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC))
	retried.LastFailure = temporal.GetDefaultFailureConverter().ErrorToFailure(temporal.NewApplicationError(
		"Rate exceeded", "Throttled",
	))
	phase, err := converter.GetDefaultDataConverter().ToPayload("stack")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		description *workflowservice.DescribeWorkflowExecutionResponse
		want        Progress
	}{
		"nothing is known": {&workflowservice.DescribeWorkflowExecutionResponse{}, Progress{}},
		"no worker took the task": {
			&workflowservice.DescribeWorkflowExecutionResponse{PendingWorkflowTask: &workflowpb.PendingWorkflowTaskInfo{
				State: enumspb.PENDING_WORKFLOW_TASK_STATE_SCHEDULED,
			}},
			Progress{Untaken: true},
		},
		"the phase is a search attribute": {
			&workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
				SearchAttributes: &commonpb.SearchAttributes{
					IndexedFields: map[string]*commonpb.Payload{perch.AttributePhase: phase},
				},
			}},
			Progress{Phase: perch.PhaseStack},
		},
		"an activity with a heartbeat says most": {
			&workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflowpb.PendingActivityInfo{
				pending("EmptyBucket", nil), pending("AwaitStack", payloads(t, beat)), pending("EmptyBucket", nil),
			}},
			Progress{Activity: "AwaitStack", Beat: &beat},
		},
		"a heartbeat of another shape is none": {
			&workflowservice.DescribeWorkflowExecutionResponse{
				PendingActivities: []*workflowpb.PendingActivityInfo{pending("SeedData", payloads(t, 7))},
			},
			Progress{Activity: "SeedData"},
		},
		"an activity is tried again": {
			&workflowservice.DescribeWorkflowExecutionResponse{
				PendingActivities: []*workflowpb.PendingActivityInfo{retried},
			},
			Progress{Activity: "CreateStack", Retries: []Retry{throttled}},
		},
		"S107 a failing activity beside one with a heartbeat": {
			&workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflowpb.PendingActivityInfo{
				pending("AwaitStack", payloads(t, beat)), retried,
			}},
			Progress{Activity: "AwaitStack", Beat: &beat, Retries: []Retry{throttled}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := readProgress(test.description, converter.GetDefaultDataConverter())
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
		})
	}
}
