package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"perch/client"
)

func TestS73SpecIsKnownByItsHash(t *testing.T) {
	action := schedule{project: "shop"}.action(time.Hour, false)
	payload, err := converter.GetDefaultDataConverter().ToPayload(action.Memo[memoSpec])
	if err != nil {
		t.Fatal(err)
	}
	action.Memo[memoSpec] = payload // As Temporal describes it.
	for name, c := range map[string]struct {
		action sdk.ScheduleAction
		want   bool
	}{
		"as it was made": {action, true},
		"without a memo": {&sdk.ScheduleWorkflowAction{}, false},
		"another action": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := specOf(c.action) == specHash("shop", time.Hour, false); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if specHash("shop", time.Hour, false) == specHash("shop", 2*time.Hour, false) ||
		specHash("shop", time.Hour, false) == specHash("blog", time.Hour, false) ||
		specHash("shop", time.Hour, false) == specHash("shop", time.Hour, true) {
		t.Error("different schedules have the same hash")
	}
}

func TestScheduledRunEndsBeforeTheNextIsDue(t *testing.T) {
	for _, every := range []time.Duration{5 * time.Minute, time.Hour, 24 * time.Hour} {
		if got := (schedule{}).action(every, false).WorkflowRunTimeout; got >= every {
			t.Errorf("every %s: a run may take %s", every, got)
		}
	}
}

func TestS74SkippedRunsAreShown(t *testing.T) {
	started := time.Date(2026, 11, 22, 12, 0, 1, 0, time.UTC)
	description := &sdk.ScheduleDescription{
		Schedule: sdk.Schedule{
			Spec:  &sdk.ScheduleSpec{Intervals: []sdk.ScheduleIntervalSpec{{Every: time.Hour}}},
			State: &sdk.ScheduleState{Note: "n"},
		},
		Info: sdk.ScheduleInfo{
			NumActions: 7, NumActionsSkippedOverlap: 2, NumActionsMissedCatchupWindow: 1,
			NextActionTimes: []time.Time{started.Add(time.Hour)},
			RecentActions: []sdk.ScheduleActionResult{
				{
					ActualTime:          started.Add(-time.Hour),
					StartWorkflowResult: &sdk.ScheduleWorkflowExecution{WorkflowID: "w1", FirstExecutionRunID: "r1"},
				},
				{
					ActualTime:          started,
					StartWorkflowResult: &sdk.ScheduleWorkflowExecution{WorkflowID: "w2", FirstExecutionRunID: "r2"},
				},
			},
		},
	}
	want := scheduleDocument{
		ID: "shop:cleanup", Every: "1h0m0s", Note: "n", Next: "2026-11-22T13:00:01Z", Runs: 7, Skipped: 2, Missed: 1,
		Last: []scheduledRun{
			{"2026-11-22T12:00:01Z", client.Run{WorkflowID: "w2", RunID: "r2"}},
			{"2026-11-22T11:00:01Z", client.Run{WorkflowID: "w1", RunID: "r1"}},
		},
	}
	if diff := cmp.Diff(want, newScheduleDocument("shop:cleanup", description)); diff != "" {
		t.Error(diff)
	}
	description.Schedule.State.Paused = true
	if paused := newScheduleDocument("shop:cleanup", description); paused.Next != "" || !paused.Paused {
		t.Errorf("paused: %+v", paused)
	}
}
