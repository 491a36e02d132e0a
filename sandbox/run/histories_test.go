package run

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"perch"
	"perch/sandbox/aws"
)

var update = flag.Bool("update", false, "record the histories of workflows/testdata anew")

// TestRecordHistories records one real run of every outcome for package workflows, which replays them.
func TestRecordHistories(t *testing.T) {
	if !*update {
		t.Skip("records histories only with -update")
	}
	b := newSandbox(t)
	b.save(t, "application", perch.ApplicationStackName(b.project, perch.KindStaging), b.must(t, "application", "up"))
	branch := "feature/login"
	stack := b.stackOf(t, branch)

	b.save(t, "created", stack, b.must(t, "up", branch))
	b.save(t, "unchanged", stack, b.must(t, "up", branch))
	b.repo.commit(t, branch, map[string]string{"CHANGES.md": "one"})
	b.save(t, "updated", stack, b.must(t, "up", branch))

	_, refused := b.ask(t, "down", "main")
	b.save(t, "refused", refused.text("stack"), refused)

	b.order(t, aws.Fault{Stack: stack, LogicalID: "Environment", Phase: "update", Reason: "no capacity", Count: 1})
	b.repo.commit(t, branch, map[string]string{"CHANGES.md": "two"})
	_, failed := b.ask(t, "up", branch)
	b.save(t, "failed", stack, failed)

	lift := b.order(t, aws.Fault{Stack: stack, LogicalID: "Environment", Phase: "update", Hang: true, Count: 1})
	b.repo.commit(t, branch, map[string]string{"CHANGES.md": "three"})
	first := b.begin(t, "up", branch)
	b.awaitStack(t, stack, "UPDATE_IN_PROGRESS")
	b.repo.commit(t, branch, map[string]string{"CHANGES.md": "four"})
	second := b.begin(t, "up", branch)
	b.awaitRequests(t, stack, 2)
	lift()
	_, superseded := first()
	_, followed := second()
	if superseded.text("outcome") != "superseded" || followed.text("outcome") != "ready" {
		t.Fatalf("first %v, second %v", superseded, followed)
	}
	b.save(t, "superseded", stack, superseded)
	b.save(t, "updated-after-another", stack, followed)

	b.saveRemovalsOver(t, branch, stack)

	b.must(t, "up", branch)
	b.order(t, aws.Fault{Stack: stack, LogicalID: "BucketAssets", Phase: "delete", Reason: "The bucket you tried to delete is not empty", Count: 1})
	b.save(t, "removed-after-a-repair", stack, b.must(t, "down", branch))
	b.save(t, "absent", stack, b.must(t, "down", branch))

	b.must(t, "up", branch)
	b.save(t, "removed", stack, b.must(t, "down", branch))

	leftover := "fix/typo"
	b.must(t, "up", leftover)
	b.must(t, "ls")
	b.save(t, "list", b.newest(t, perch.WorkflowList), nil)
	b.must(t, "status", leftover)
	b.save(t, "status", b.newest(t, perch.WorkflowStatus), nil)
	b.ask(t, "doctor")
	b.save(t, "doctor", b.newest(t, perch.WorkflowDoctor), nil)
	b.must(t, "plan", leftover)
	b.save(t, "plan", b.newest(t, perch.WorkflowPlan), nil)
	head := b.repo.head(t, leftover)
	b.repo.drop(t, leftover)
	b.must(t, "cleanup", "--no-wait")
	b.repo.point(t, leftover, head)
	b.save(t, "kept-by-a-push", b.stackOf(t, leftover), b.superseding(t, leftover))
	b.repo.drop(t, leftover)
	b.must(t, "cleanup", "--now")
	b.save(t, "cleanup", b.newest(t, perch.WorkflowCleanup), nil)
	b.save(t, "removed-by-cleanup", b.stackOf(t, leftover), nil)
}

// saveRemovalsOver saves the runs of a deployment that a removal meets: one that is refused, and one that is done.
func (b *bench) saveRemovalsOver(t *testing.T, branch, stack string) {
	t.Helper()
	during := func(number string) (up func() (int, document), lift func()) {
		lift = b.order(t, aws.Fault{Stack: stack, LogicalID: "Environment", Phase: "update", Hang: true, Count: 1})
		b.repo.commit(t, branch, map[string]string{"CHANGES.md": number})
		up = b.begin(t, "up", branch)
		b.awaitStack(t, stack, "UPDATE_IN_PROGRESS")
		return up, lift
	}
	b.protect(t, stack, true)
	up, lift := during("five")
	_, refused := b.ask(t, "down", branch)
	b.save(t, "refused-over-a-deployment", stack, refused)
	b.awaitActivity(t, stack, "AwaitStack")
	lift()
	_, resumed := up()
	b.save(t, "updated-after-a-refused-removal", stack, resumed)

	b.protect(t, stack, false)
	up, lift = during("six")
	down := b.begin(t, "down", branch)
	_, superseded := up()
	lift()
	_, removed := down()
	b.save(t, "announced-over-a-deployment", stack, superseded)
	b.save(t, "removed-over-a-deployment", stack, removed)
	announced := b.history(t, stack, superseded.text("run", "run_id")).GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	b.save(t, "superseded-by-a-removal", stack, document{"run": map[string]any{"run_id": announced.GetContinuedExecutionRunId()}})
}

// awaitActivity waits until the newest run of the workflow has begun the activity.
func (b *bench) awaitActivity(t *testing.T, workflow, activity string) {
	t.Helper()
	eventually(t, workflow+" has begun "+activity, func() (any, bool) {
		events := b.history(t, workflow, "").GetEvents()
		return len(events), slices.ContainsFunc(events, func(event *historypb.HistoryEvent) bool {
			return event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == activity
		})
	})
}

// superseding asks for the branch while cleanup's removal of it waits, and returns the removal's run.
func (b *bench) superseding(t *testing.T, branch string) document {
	t.Helper()
	waiting := b.must(t, "status", branch)
	b.must(t, "up", branch)
	return waiting
}

// newest is the ID of the newest workflow of a type.
func (b *bench) newest(t *testing.T, kind string) string {
	t.Helper()
	found, err := b.connect(t).ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: "default", PageSize: 1, Query: fmt.Sprintf("WorkflowType = '%s'", kind),
	})
	if err != nil || len(found.GetExecutions()) == 0 {
		t.Fatalf("no workflow of type %s: %v", kind, err)
	}
	return found.GetExecutions()[0].GetExecution().GetWorkflowId()
}

func (b *bench) stackOf(t *testing.T, branch string) string {
	t.Helper()
	environment, err := perch.NewEnvironment(b.project, branch)
	if err != nil {
		t.Fatal(err)
	}
	return environment.StackName()
}

func (b *bench) history(t *testing.T, workflow, run string) *historypb.History {
	t.Helper()
	c := b.connect(t)
	var history historypb.History
	for events := c.GetWorkflowHistory(t.Context(), workflow, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		history.Events = append(history.Events, event)
	}
	return &history
}

// save writes the history of the run that document tells of, or of the newest where it tells of none, without what names a machine or a
// person.
func (b *bench) save(t *testing.T, name, workflow string, document document) {
	t.Helper()
	data, err := protojson.Marshal(b.history(t, workflow, document.text("run", "run_id")))
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	if data, err = json.MarshalIndent(scrub(plain), "", " "); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "workflows", "testdata", "histories", name+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// scrub replaces the identities of workers and of whoever asked.
func scrub(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = scrub(value[i])
		}
	case map[string]any:
		for key, inner := range value {
			value[key] = scrub(inner)
		}
		for _, key := range []string{"identity", "by"} {
			if _, ok := value[key].(string); ok {
				value[key] = "perch"
			}
		}
		if data, ok := value["data"].(string); ok {
			value["data"] = scrubPayload(data)
		}
	}
	return value
}

func scrubPayload(data string) string {
	raw, err := base64.StdEncoding.DecodeString(data)
	var plain map[string]any
	if err != nil || json.Unmarshal(raw, &plain) != nil {
		return data
	}
	raw, err = json.Marshal(scrub(plain))
	if err != nil {
		return data
	}
	return base64.StdEncoding.EncodeToString(raw)
}
