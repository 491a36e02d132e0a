package client

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/lifecycle"
)

const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

var (
	upA  = perch.Request{ID: "1", Goal: perch.GoalUp, Project: "shop", Branch: "main", Commit: commitA}
	upB  = perch.Request{ID: "2", Goal: perch.GoalUp, Project: "shop", Branch: "main", Commit: commitB}
	gone = perch.Request{ID: "3", Goal: perch.GoalGone, Project: "shop", Branch: "main"}
)

func payloads(t *testing.T, value any) *commonpb.Payloads {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayloads(value)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func completed(t *testing.T, result perch.Result) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{
				Result: payloads(t, result),
			},
		},
	}
}

func continued(t *testing.T, next *perch.Request) *historypb.HistoryEvent {
	return handed(t, perch.RunInput{Environment: perch.Environment{Project: "shop", Branch: "main"}, Request: next})
}

func handed(t *testing.T, next perch.RunInput) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{
			WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{
				NewExecutionRunId: "next", Input: payloads(t, next),
			},
		},
	}
}

func failedWith(err error) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{
				Failure: temporal.GetDefaultFailureConverter().ErrorToFailure(err),
			},
		},
	}
}

func terminated(reason string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{
			WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{
				Reason: reason,
			},
		},
	}
}

func TestEndings(t *testing.T) {
	ready := perch.Result{
		Goal: perch.GoalUp, Outcome: perch.OutcomeReady, Commit: commitA, URL: "https://main.example.org",
		Created: true,
	}
	absent := perch.Result{Goal: perch.GoalGone, Outcome: perch.OutcomeAbsent}
	rejected := perch.Result{Goal: perch.GoalUp, Outcome: perch.OutcomeRejected, Reason: "not allowed"}
	repeat, another := upA, gone
	repeat.ID, another.ID = "4", "5"
	overUp := perch.RunInput{Request: &gone, Below: &upA}
	due := perch.RunInput{Request: &gone, Below: &upA, Due: true}
	back := perch.RunInput{
		Request: &upA, Ended: &perch.EndedRemoval{Request: gone, Rejection: perch.Reject("protected")},
	}
	failedBefore := perch.RunInput{Request: &upA, Ended: &perch.EndedRemoval{Request: gone, Failure: "denied"}}
	notRemoved := perch.Result{Goal: perch.GoalGone, Outcome: perch.OutcomeRejected, Reason: "protected"}
	head := perch.Request{ID: "1-head", Goal: perch.GoalUp, Commit: commitB, Head: true, Reason: "it is older"}
	superseded := perch.Result{Outcome: perch.OutcomeSuperseded, SupersededBy: commitB, Reason: "it is older"}
	tests := map[string]struct {
		event   *historypb.HistoryEvent
		request perch.Request
		want    lifecycle.Answer
	}{
		"a result that answers the request": {completed(t, ready), upA, lifecycle.Answer{Result: ready}},
		"a rejection":                       {completed(t, rejected), upA, lifecycle.Answer{Result: rejected}},
		"nothing was there":                 {completed(t, absent), gone, lifecycle.Answer{Result: absent}},
		"another commit is ready": {
			completed(t, ready), upB, lifecycle.Answer{Result: supersededBy(commitA)},
		},
		"a removal ended what was wanted up": {
			completed(t, absent), upA, lifecycle.Answer{Result: supersededBy("removal")},
		},
		"an up ended what was wanted gone": {
			completed(t, ready), gone, lifecycle.Answer{Result: supersededBy(commitA)},
		},
		"the next run has the request":             {continued(t, &upA), upA, lifecycle.Answer{NextRun: "next"}},
		"the next run has another with the target": {continued(t, &repeat), upA, lifecycle.Answer{NextRun: "next"}},
		"the next run looks for its target itself": {continued(t, nil), upA, lifecycle.Answer{NextRun: "next"}},
		"a newer commit took over": {
			continued(t, &upB), upA, lifecycle.Answer{Result: supersededBy(commitB)},
		},
		"S99 the branch's head took over": {continued(t, &head), upA, lifecycle.Answer{Result: superseded}},
		"a removal took over": {
			continued(t, &gone), upA, lifecycle.Answer{Result: supersededBy("removal")},
		},
		"an up took a removal's place": {
			continued(t, &upB), gone, lifecycle.Answer{Result: supersededBy(commitB)},
		},
		"a removal that may be rejected goes first":    {handed(t, overUp), upA, lifecycle.Answer{NextRun: "next"}},
		"a removal is first checked against the rules": {handed(t, overUp), gone, lifecycle.Answer{NextRun: "next"}},
		"a newer commit waits below a removal": {
			handed(t, overUp), upB, lifecycle.Answer{Result: supersededBy(commitA)},
		},
		"a removal is due": {
			handed(t, due), upA, lifecycle.Answer{Result: supersededBy("removal")},
		},
		"who requested a removal that is due":       {handed(t, due), gone, lifecycle.Answer{NextRun: "next"}},
		"an up comes back from a rejected removal":  {handed(t, back), upA, lifecycle.Answer{NextRun: "next"}},
		"a removal was rejected":                    {handed(t, back), gone, lifecycle.Answer{Result: notRemoved}},
		"a removal like it was rejected":            {handed(t, back), another, lifecycle.Answer{Result: notRemoved}},
		"an up comes back from a removal's failure": {handed(t, failedBefore), upA, lifecycle.Answer{NextRun: "next"}},
		"a removal failed before it was due": {
			handed(t, failedBefore), gone, lifecycle.Answer{Failure: "denied"},
		},
		"the run failed": {
			failedWith(temporal.NewApplicationError("no capacity", "StackFailed")), upA,
			lifecycle.Answer{Failure: "no capacity"},
		},
		"the run was terminated, with a reason": {
			terminated("by jane"), upA, lifecycle.Answer{Failure: "the run was terminated: by jane"},
		},
		"the run was terminated without any reason": {
			terminated(""), upA, lifecycle.Answer{Failure: "the run was terminated"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readLastEvent(test.event, test.request, fakeRuns{}.decode)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("judge (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResultsOfAnotherShapeAreErrors(t *testing.T) {
	event := completed(t, perch.Result{})
	event.GetWorkflowExecutionCompletedEventAttributes().Result = payloads(t, "a text")
	if _, err := readLastEvent(event, upA, fakeRuns{}.decode); err == nil {
		t.Error("a text was taken for a result")
	}
}

// outOfTime returns the failure of a run in which an activity took longer than it may, as Temporal
// reports it.
func outOfTime(activity string) error {
	timeout := temporal.GetDefaultFailureConverter().ErrorToFailure(temporal.NewTimeoutError(
		enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil,
	))
	return temporal.GetDefaultFailureConverter().FailureToError(&failurepb.Failure{
		Cause: timeout,
		FailureInfo: &failurepb.Failure_ActivityFailureInfo{ActivityFailureInfo: &failurepb.ActivityFailureInfo{
			ActivityType: &commonpb.ActivityType{Name: activity},
		}},
	})
}

func TestCauseOfAFailure(t *testing.T) {
	denied := temporal.NewApplicationError("create stack shop-main: AccessDenied", "Denied", errors.New("detail"))
	tests := map[string]struct {
		err  error
		want string
	}{
		"the workflow's own words": {
			temporal.NewApplicationError("stack shop-main ended in ROLLBACK_COMPLETE", "StackFailed"),
			"stack shop-main ended in ROLLBACK_COMPLETE",
		},
		"the outer message holds the deeper": {denied, "create stack shop-main: AccessDenied"},
		"no application error at all":        {fmt.Errorf("wrapped: %w", errors.New("deepest")), "deepest"},
		"a worker that was killed": {
			temporal.NewHeartbeatTimeoutError(), "its worker sent no heartbeat in time",
		},
		"an activity that ran out of time": {outOfTime("EmptyBucket"), "EmptyBucket took longer than it may"},
		"a plain error that a workflow wrapped": {
			fmt.Errorf("provision: %w", denied), "create stack shop-main: AccessDenied",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Cause(test.err); got != test.want {
				t.Errorf("cause is %q, want %q", got, test.want)
			}
		})
	}
}

func supersededBy(by string) perch.Result {
	return perch.Result{Outcome: perch.OutcomeSuperseded, SupersededBy: by}
}

func TestLeftoversOfAFailedRemovalAreRead(t *testing.T) {
	left := []string{"bucket shop-login-assets", "DNS record login.example.com"}
	event := failedWith(temporal.NewNonRetryableApplicationError("still there", perch.ErrorLeftBehind, nil, left))
	got, err := readLastEvent(event, gone, fakeRuns{}.decode)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(
		lifecycle.Answer{Failure: "still there", Result: perch.Result{Leftovers: left}}, got,
	); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}
