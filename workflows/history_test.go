package workflows

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"perch"
)

var update = flag.Bool("update", false, "write the event sequences and the table of costs again")

// recorded are the histories of real runs, by the outcome that they show. `go test ./sandbox/run
// -run RecordHistories -update` records them.
func recorded(t *testing.T) map[string]*historypb.History {
	t.Helper()
	files, err := filepath.Glob("testdata/histories/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	histories := map[string]*historypb.History{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var history historypb.History
		if err := protojson.Unmarshal(data, &history); err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		histories[strings.TrimSuffix(filepath.Base(file), ".json")] = &history
	}
	return histories
}

// replayable are all workflows, by the names that histories know them by.
var replayable = map[string]any{
	perch.WorkflowProvision: Provision, perch.WorkflowTeardown: Teardown, perch.WorkflowCleanup: Cleanup,
	perch.WorkflowList: List,
	perch.WorkflowNote: Note, perch.WorkflowLook: Look, perch.WorkflowExpiry: Expiry, perch.WorkflowKeep: Keep,
	perch.WorkflowStatus: Status, perch.WorkflowPlan: Plan, perch.WorkflowDoctor: Doctor,
	perch.WorkflowApplication: Application,
	perch.WorkflowHistory:     History,
}

func TestEveryWorkflowIsRecorded(t *testing.T) {
	types := map[string]bool{}
	for _, history := range recorded(t) {
		types[history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()] = true
	}
	for name := range replayable {
		if !types[name] {
			t.Errorf("no history of %s is recorded", name)
		}
	}
	if len(types) != len(replayable) {
		t.Errorf("%d workflows are recorded and %d replayed", len(types), len(replayable))
	}
}

func TestS64RecordedHistoriesReplay(t *testing.T) {
	for name, history := range recorded(t) {
		t.Run(name, func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			for name, function := range replayable {
				replayer.RegisterWorkflowWithOptions(function, workflow.RegisterOptions{Name: name})
			}
			if err := replayer.ReplayWorkflowHistory(nil, history); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReplayCatchesActivitiesInAnotherOrder(t *testing.T) {
	reordered := func(ctx workflow.Context, in perch.RunInput) (*perch.Result, error) {
		r, err := begin(ctx, in)
		if err != nil {
			return nil, err
		}
		if err := r.look(); err != nil {
			return nil, err
		}
		return r.end(r.provision())
	}
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(reordered, workflow.RegisterOptions{Name: perch.WorkflowProvision})
	if err := replayer.ReplayWorkflowHistory(nil, recorded(t)["created"]); err == nil {
		t.Error(
			"a run that looks at the stack before it is admitted replays a history in which it was the other way round",
		)
	}
}

func TestEventSequencesAreTheRecordedOnes(t *testing.T) {
	for name, history := range recorded(t) {
		golden(t, filepath.Join("testdata", "histories", name+".txt"), sequence(history))
	}
}

// sequence is a history as readable lines: what happened, without the workflow tasks in between.
func sequence(history *historypb.History) string {
	var b strings.Builder
	scheduled := map[int64]string{}
	for _, event := range history.GetEvents() {
		if strings.HasPrefix(event.GetEventType().String(), "WorkflowTask") {
			continue
		}
		fmt.Fprintln(&b, strings.TrimSpace(describe(event, scheduled)))
	}
	return b.String()
}

func describe(event *historypb.HistoryEvent, scheduled map[int64]string) string {
	kind := event.GetEventType().String()
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		return kind + " " + event.GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		name := event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
		scheduled[event.GetEventId()] = name
		return kind + " " + name
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		return kind + " " + scheduled[event.GetActivityTaskCompletedEventAttributes().GetScheduledEventId()]
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		return kind + " " + scheduled[event.GetActivityTaskFailedEventAttributes().GetScheduledEventId()]
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		return kind
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return kind + " " + event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetWorkflowType().GetName()
	}
	return kind
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is not current: `go test ./workflows -update` writes it again; look at the difference, it is "+
			"what each run costs.\ngot:\n%s", file, got)
	}
}

// billable are the events that Temporal Cloud counts as actions, in addition to retries of
// activities and heartbeats (Temporal docs: actions).
var billable = map[enumspb.EventType]int{
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:        1,
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:       1,
	enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:           1,
	enumspb.EVENT_TYPE_TIMER_STARTED:                     1,
	enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: 1,
}

func actions(history *historypb.History) (sum int) {
	for _, event := range history.GetEvents() {
		sum += billable[event.GetEventType()]
		if started := event.GetActivityTaskStartedEventAttributes(); started.GetAttempt() > 1 {
			sum += int(started.GetAttempt()) - 1
		}
	}
	return sum
}

// runNames are the recorded histories' names in the table of costs.
var runNames = map[string]string{
	"absent":                             "teardown without an environment",
	"absent-with-a-shared-database":      "teardown without an environment, shared database",
	"announced-over-a-deployment":        "teardown during a deployment, first run",
	"application":                        "`perch application up`",
	"cleanup":                            "cleanup that requests one removal",
	"cleanup-approved":                   "cleanup of an approved plan with three removals",
	"cleanup-braked":                     "cleanup stopped by the safety limit",
	"created":                            "creation",
	"created-after-its-image":            "creation that waits for its image",
	"created-with-a-shared-database":     "creation, shared database",
	"doctor":                             "`perch doctor`",
	"expiry":                             "`perch expiry`",
	"extension-rejected":                 "`perch extend`, rejected",
	"failed":                             "update that fails",
	"failed-and-stays-stuck":             "update of a stack in UPDATE_ROLLBACK_FAILED that fails",
	"failed-and-stuck":                   "update that ends in UPDATE_ROLLBACK_FAILED",
	"failed-in-its-creation":             "creation that fails",
	"failed-in-its-removal":              "teardown that fails",
	"forced-and-left-behind":             "teardown with `--force` that leaves resources behind",
	"history":                            "`perch history`",
	"kept-by-a-push":                     "teardown by cleanup, superseded by a push",
	"kept-by-the-last-look":              "teardown by cleanup, ended because the branch exists again",
	"left-behind-with-a-shared-database": "teardown that leaves its shared database behind",
	"list":                               "`perch ls`",
	"looked-at-a-deletion":               "webhook for a deleted branch",
	"looked-at-a-push":                   "webhooks for a push",
	"note":                               "note: a warning before expiry, or a late report",
	"pinned":                             "`perch pin`",
	"plan":                               "`perch plan`",
	"recreated":                          "creation after one that failed",
	"recreated-because-it-was-stuck":     "recreation with `--recreate`",
	"rejected":                           "request that the policy rejects",
	"rejected-over-a-deployment":         "teardown during a deployment, rejected",
	"removed":                            "teardown",
	"removed-after-a-repair":             "teardown whose first deletion failed",
	"removed-by-cleanup":                 "teardown by cleanup",
	"removed-over-a-deployment":          "teardown during a deployment, second run",
	"removed-with-a-shared-database":     "teardown, shared database",
	"status":                             "`perch status`",
	"superseded":                         "update superseded by another update",
	"superseded-by-a-removal":            "update superseded by a teardown",
	"unchanged":                          "update without a change",
	"unchanged-with-a-shared-database":   "update without a change, shared database",
	"updated":                            "update",
	"updated-after-a-rejected-removal":   "update, continued after a rejected teardown",
	"updated-after-another":              "update that waited for another update",
}

func TestTableOfCostsIsCurrent(t *testing.T) {
	histories := recorded(t)
	names := slices.SortedFunc(maps.Keys(histories), func(a, b string) int {
		return cmp.Or(
			cmp.Compare(len(histories[b].GetEvents()), len(histories[a].GetEvents())),
			cmp.Compare(runNames[a], runNames[b]),
		)
	})
	var b strings.Builder
	b.WriteString(`# What a run costs in Temporal

Use this page to estimate a bill of Temporal Cloud: it lists the history events and the billable actions of each kind of run.
[Another page](aws-costs.md) has the costs on AWS.

The numbers come from recorded histories of real runs; ` + "`go test ./workflows -update`" + ` writes this page.
Temporal Cloud bills actions.
The table does not include heartbeats, of which Temporal Cloud bills each that reaches it ([Temporal docs](https://docs.temporal.io/cloud/actions)).
An activity that waits sends a heartbeat for each change, and one after six seconds without a change.
A creation of twelve minutes sends about 120 heartbeats, which are most of its actions.
An hourly schedule that finds nothing to remove starts about 720 short runs a month.

A creation takes at most 60 events and 20 actions, including reports.
If a webhook requests it before its image is built (*creation that waits for its image*), it takes up to 80 events and still 20 actions.
The wait for the image is one activity, and its report is another; Admit runs again when the image exists; and the run's page shows each phase.
The Look that requested it (*webhooks for a push*) is a separate run; one Look handles all events of a branch that arrive within three seconds.

| run | history events | actions |
|---|---:|---:|
`)
	for _, name := range names {
		if runNames[name] == "" {
			t.Errorf("history %s has no name in runNames", name)
		}
		history := histories[name]
		fmt.Fprintf(&b, "| %s | %d | %d |\n", runNames[name], len(history.GetEvents()), actions(history))
	}
	for name := range runNames {
		if histories[name] == nil {
			t.Errorf("runNames has %s, which is not a recorded history", name)
		}
	}
	golden(t, filepath.Join("..", "docs", "temporal-costs.md"), b.String())
}

func TestRunsStayWithinTheirBudget(t *testing.T) {
	histories := recorded(t)
	for name, most := range map[string]struct{ events, actions int }{
		"created": {60, 20}, "unchanged": {26, 10},
		// With an image to wait for: docs/temporal-costs.md says what for.
		"created-after-its-image": {80, 20}, "looked-at-a-push": {26, 6},
	} {
		if events, paid := len(histories[name].GetEvents()), actions(histories[name]); events > most.events ||
			paid > most.actions {
			t.Errorf(
				"%s takes %d events and %d actions; the budget is %d and %d", name, events, paid, most.events,
				most.actions,
			)
		}
	}
}
