package client

import (
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/lifecycle"
)

// readLastEvent returns the answer to request from the last event of the run that held it. decode
// reads payloads. It returns an error if no worker of this version writes such an event.
func readLastEvent(
	event *historypb.HistoryEvent, request perch.Request, decode func(*commonpb.Payloads, any) error,
) (lifecycle.Answer, error) {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		var result perch.Result
		if err := decode(event.GetWorkflowExecutionCompletedEventAttributes().GetResult(), &result); err != nil {
			return lifecycle.Answer{}, fmt.Errorf("read result: %w", err)
		}
		return lifecycle.ReadResult(result, request), nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		attributes := event.GetWorkflowExecutionContinuedAsNewEventAttributes()
		var input perch.RunInput
		if err := decode(attributes.GetInput(), &input); err != nil {
			return lifecycle.Answer{}, fmt.Errorf("read input of the next run: %w", err)
		}
		return lifecycle.ReadNextRun(input, attributes.GetNewExecutionRunId(), request), nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		attributes := event.GetWorkflowExecutionFailedEventAttributes()
		failure := temporal.GetDefaultFailureConverter().FailureToError(attributes.GetFailure())
		return lifecycle.Answer{Failure: Cause(failure), Result: perch.Result{Leftovers: leftovers(failure)}}, nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		said := "the run was terminated"
		if reason := event.GetWorkflowExecutionTerminatedEventAttributes().GetReason(); reason != "" {
			said += ": " + reason
		}
		return lifecycle.Answer{Failure: said}, nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return lifecycle.Answer{Failure: "the run was cancelled"}, nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return lifecycle.Answer{Failure: "the run took longer than it may"}, nil
	}
	return lifecycle.Answer{}, fmt.Errorf("unexpected last event %s", event.GetEventType())
}

// leftovers returns the resources that a failed removal still found.
func leftovers(failure error) []string {
	var left []string
	var application *temporal.ApplicationError
	if errors.As(failure, &application) && application.Type() == perch.ErrorLeftBehind && application.HasDetails() {
		_ = application.Details(&left) // Its message names them, too.
	}
	return left
}

// Cause returns the message of the underlying error: the first application error below the deepest
// activity error. That message includes the errors below it. The errors above it only name the
// workflow and the activity.
func Cause(err error) string {
	start := err
	for current := err; current != nil; current = errors.Unwrap(current) {
		if activity, ok := current.(*temporal.ActivityError); ok { //nolint:errorlint // The loop unwraps.
			start = activity
		}
	}
	var (
		application *temporal.ApplicationError
		timeout     *temporal.TimeoutError
	)
	if errors.As(start, &application) {
		return application.Message()
	}
	if errors.As(start, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_HEARTBEAT {
		return "its worker sent no heartbeat in time"
	}
	var activity *temporal.ActivityError
	if errors.As(start, &activity) && timeout != nil {
		return activity.ActivityType().GetName() + " took longer than it may"
	}
	for deeper := errors.Unwrap(start); deeper != nil; deeper = errors.Unwrap(start) {
		start = deeper
	}
	return start.Error()
}
