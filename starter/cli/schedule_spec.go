package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/client"
	"perch/readapi"
)

const (
	// catchUp is how late Temporal may start a run that it missed. Cleanup keeps no state, so the
	// next run does the work of a missed one.
	catchUp = 10 * time.Minute
	// memoSpec is the key of the memo of scheduled runs that identifies the schedule's spec. The
	// spec itself cannot be compared, because Temporal returns it in another form than it was
	// given.
	memoSpec = "perch-schedule"
)

// action returns the action of the schedule.
func (s schedule) action(every time.Duration, missing bool) *sdk.ScheduleWorkflowAction {
	return &sdk.ScheduleWorkflowAction{
		ID: scheduleID(s.project), Workflow: perch.WorkflowCleanup, TaskQueue: perch.TaskQueue(s.project),
		Args:          []any{perch.CleanupInput{Project: s.project, Missing: missing, By: "schedule"}},
		StaticSummary: "scheduled cleanup",
		// Without a timeout, a run that hangs would prevent all later runs.
		WorkflowRunTimeout: max(every*9/10, time.Minute),
		Memo:               map[string]any{memoSpec: specHash(s.project, every, missing)},
	}
}

func scheduleSpec(every time.Duration) *sdk.ScheduleSpec {
	return &sdk.ScheduleSpec{
		Intervals: []sdk.ScheduleIntervalSpec{{Every: every}}, Jitter: min(every/10, 2*time.Minute),
	}
}

// ensure creates the schedule, or updates it if its spec differs. A paused schedule stays paused.
func (s schedule) ensure(ctx context.Context, every time.Duration, missing bool) error {
	spec := scheduleSpec(every)
	_, err := s.client.Create(ctx, sdk.ScheduleOptions{
		ID: scheduleID(s.project), Spec: *spec, Action: s.action(every, missing),
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp,
		Note: "made by perch schedule ensure",
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return s.handle.Update(ctx, sdk.ScheduleUpdateOptions{
		DoUpdate: func(in sdk.ScheduleUpdateInput) (*sdk.ScheduleUpdate, error) {
			now := in.Description.Schedule
			if specOf(now.Action) == specHash(s.project, every, missing) {
				return nil, temporal.ErrSkipScheduleUpdate
			}
			now.Spec, now.Action = spec, s.action(every, missing)
			now.Policy = &sdk.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp}
			return &sdk.ScheduleUpdate{Schedule: &now}, nil
		},
	})
}

// specHash returns a hash of everything that ensure sets.
func specHash(project string, every time.Duration, missing bool) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00skip\x00%s\x00%t\x002", project, every, catchUp, missing))
	return hex.EncodeToString(sum[:8])
}

// specOf returns the hash in a schedule's action; empty if it has none.
func specOf(action sdk.ScheduleAction) string {
	workflow, _ := action.(*sdk.ScheduleWorkflowAction)
	if workflow == nil {
		return ""
	}
	payload, _ := workflow.Memo[memoSpec].(*commonpb.Payload)
	var hash string
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &hash) != nil {
		return ""
	}
	return hash
}

// scheduleDocument is the output of the `schedule` commands. Times are RFC 3339 in UTC.
type scheduleDocument struct {
	ID string `json:"id"`
	// Every is the interval, such as 1h0m0s; empty if the schedule was changed by hand.
	Every  string `json:"every"`
	Paused bool   `json:"paused"`
	Note   string `json:"note"`
	// Next is the time of the next run; empty while the schedule is paused.
	Next string `json:"next"`
	// Runs counts the runs that were started. Skipped counts the runs that were due while another
	// was working. Missed counts the runs that Temporal was too late to start.
	Runs    int `json:"runs"`
	Skipped int `json:"skipped"`
	Missed  int `json:"missed"`
	// Last are the latest runs, newest first.
	Last []scheduledRun `json:"last"`
}

type scheduledRun struct {
	Started string     `json:"started"`
	Run     client.Run `json:"run"`
}

func newScheduleDocument(id string, d *sdk.ScheduleDescription) scheduleDocument {
	document := scheduleDocument{
		ID: id, Runs: d.Info.NumActions, Skipped: d.Info.NumActionsSkippedOverlap,
		Missed: d.Info.NumActionsMissedCatchupWindow, Last: []scheduledRun{},
	}
	if spec := d.Schedule.Spec; spec != nil && len(spec.Intervals) == 1 {
		document.Every = spec.Intervals[0].Every.String()
	}
	if state := d.Schedule.State; state != nil {
		document.Paused, document.Note = state.Paused, state.Note
	}
	if len(d.Info.NextActionTimes) > 0 && !document.Paused {
		document.Next = readapi.Timestamp(d.Info.NextActionTimes[0])
	}
	for _, action := range d.Info.RecentActions {
		if started := action.StartWorkflowResult; started != nil {
			r := scheduledRun{
				readapi.Timestamp(action.ActualTime),
				client.Run{WorkflowID: started.WorkflowID, RunID: started.FirstExecutionRunID},
			}
			document.Last = append([]scheduledRun{r}, document.Last...)
		}
	}
	return document
}

func (a *app) tellSchedule(d scheduleDocument) error {
	if a.json() {
		return a.printJSON(d)
	}
	_, _ = io.WriteString(a.stdout, scheduleText(d, a.paper()))
	return nil
}

func scheduleText(d scheduleDocument, p paper) string {
	facts := [][2]string{{"schedule", d.ID}, {"every", cmp.Or(d.Every, "as changed by hand")}}
	if d.Paused {
		facts = append(facts, [2]string{"paused", "yes: " + d.Note})
	} else {
		facts = append(facts, [2]string{"next", d.Next})
	}
	facts = append(facts, [2]string{
		"runs", fmt.Sprint(d.Runs),
	}, [2]string{"skipped", fmt.Sprintf("%d (another run was still working)", d.Skipped)},
		[2]string{"missed", fmt.Sprintf("%d (Temporal was away)", d.Missed)})
	for _, last := range d.Last {
		facts = append(facts, [2]string{"run", last.Started + " " + last.Run.WorkflowID})
	}
	var out strings.Builder
	p.facts(&out, facts)
	return out.String()
}
