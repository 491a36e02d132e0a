package cli

import (
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/temporal"

	"perch"
)

// byRemoval is what superseded_by says where a removal took an `up`'s place.
const byRemoval = "removal"

// verdict is what a run's last event means for one request.
type verdict struct {
	// Next is the run that goes on with the request; empty where the request has ended.
	Next string
	// Result is how it ended: the run's own, or one that says that another request took its place.
	Result perch.Result
	// Failure is what went wrong in a run that failed.
	Failure string
}

// judge reads the last event of the run that held request. decode reads payloads. An error means that the event is not one that a
// worker of this version writes.
func judge(event *historypb.HistoryEvent, request perch.Request, decode func(*commonpb.Payloads, any) error) (verdict, error) {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		var result perch.Result
		if err := decode(event.GetWorkflowExecutionCompletedEventAttributes().GetResult(), &result); err != nil {
			return verdict{}, fmt.Errorf("read result: %w", err)
		}
		return verdict{Result: judgeResult(result, request)}, nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		attributes := event.GetWorkflowExecutionContinuedAsNewEventAttributes()
		var input perch.RunInput
		if err := decode(attributes.GetInput(), &input); err != nil {
			return verdict{}, fmt.Errorf("read input of the next run: %w", err)
		}
		return judgeNext(input, attributes.GetNewExecutionRunId(), request), nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		failure := temporal.GetDefaultFailureConverter().FailureToError(event.GetWorkflowExecutionFailedEventAttributes().GetFailure())
		return verdict{Failure: cause(failure), Result: perch.Result{Leftovers: leftovers(failure)}}, nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		reason := event.GetWorkflowExecutionTerminatedEventAttributes().GetReason()
		return verdict{Failure: "the run was terminated" + because(reason)}, nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return verdict{Failure: "the run was cancelled"}, nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return verdict{Failure: "the run took longer than it may"}, nil
	}
	return verdict{}, fmt.Errorf("unexpected last event %s", event.GetEventType())
}

// leftovers are what a removal that failed has seen to be still there.
func leftovers(failure error) []string {
	var left []string
	var application *temporal.ApplicationError
	if errors.As(failure, &application) && application.Type() == perch.ErrorLeftBehind && application.HasDetails() {
		_ = application.Details(&left) // Its message names them, too.
	}
	return left
}

// judgeResult holds a run's result against what was asked for: a run that answered another request has not answered this one.
func judgeResult(result perch.Result, request perch.Request) perch.Result {
	if result.Goal == request.Goal {
		if result.Outcome == perch.OutcomeReady && result.Commit != request.Commit {
			return superseded(result.Commit)
		}
		return result
	}
	if result.Goal == perch.GoalGone {
		return superseded(byRemoval)
	}
	return superseded(result.Commit)
}

// judgeNext says whether the next run of the chain goes on with request. A removal that is not due yet may still be refused or fail, and
// hand on to what it stands above.
func judgeNext(next perch.RunInput, runID string, request perch.Request) verdict {
	below := next.Below
	if next.Due {
		below = nil
	}
	switch {
	case next.Refused != nil && next.Refused.Failed && holds(next.Refused.Request, request):
		return verdict{Failure: next.Refused.Reason}
	case next.Refused != nil && holds(next.Refused.Request, request):
		return verdict{Result: perch.Result{Goal: request.Goal, Outcome: perch.OutcomeRefused, Reason: next.Refused.Reason}}
	case next.Request == nil || holds(*next.Request, request) || below != nil && holds(*below, request):
		return verdict{Next: runID}
	case below != nil:
		return verdict{Result: superseded(below.Commit)}
	case next.Request.Goal == perch.GoalGone:
		return verdict{Result: superseded(byRemoval)}
	}
	result := superseded(next.Request.Commit)
	if next.Request.Head {
		result.Reason = next.Request.Reason
	}
	return verdict{Result: result}
}

// holds reports whether what comes of target is the answer to request.
func holds(target, request perch.Request) bool {
	return target.ID == request.ID || request.AnsweredBy(target)
}

func superseded(by string) perch.Result {
	return perch.Result{Outcome: perch.OutcomeSuperseded, SupersededBy: by}
}

// cause is the message of what went wrong: the first application error below the deepest activity error. What is above it says only
// which workflow and activity it passed through, and what is below it is contained in it.
func cause(err error) string {
	start := err
	for current := err; current != nil; current = errors.Unwrap(current) {
		if activity, ok := current.(*temporal.ActivityError); ok {
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
		return "its worker gave no sign of life in time"
	}
	if activity, ok := start.(*temporal.ActivityError); ok && timeout != nil {
		return activity.ActivityType().GetName() + " took longer than it may"
	}
	for deeper := errors.Unwrap(start); deeper != nil; deeper = errors.Unwrap(start) {
		start = deeper
	}
	return start.Error()
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
