package run

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"perch"
)

var (
	// environmentKeys are the keys of one environment in `ls -o json`; `status` has some more.
	environmentKeys = keys("branch", "slug", "stack", "kind", "status", "state", "progress", "failure", "url",
		"commit", "updated", "pull_requests", "last_report", "commit_message", "expires", "warned", "removal_rejected",
		"keep_rejected", "pin", "usd_per_day", "usd_so_far")
	reportKeys = keys(
		"last_report.goal", "last_report.phase", "last_report.outcome", "last_report.commit", "last_report.by",
		"last_report.reason", "last_report.sentence", "last_report.begun", "last_report.at",
		"last_report.expected_seconds", "commit_message.subject", "commit_message.author", "commit_message.at",
	)
	statusKeys = joined(
		environmentKeys,
		keys("at", "phase", "run", "run.workflow_id", "run.run_id", "retries", "resources",
			"leftovers", "warnings", "other_repositories"),
	)
)

func joined(a, b map[string]bool) map[string]bool {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func TestReadingShowsTheEnvironment(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.repo.commit(t, "shown", map[string]string{"a.txt": "1"})
	up := b.must(t, "up", "shown")
	want := document{
		"branch": "shown", "slug": "shown", "stack": "shop-shown", "kind": "branch", "status": "CREATE_COMPLETE",
		"state": "ready", "url": up["url"], "commit": commit,
	}
	reported := func(t *testing.T, shown document) {
		t.Helper()
		equal(
			t, document(shown["last_report"].(map[string]any)),
			document{"phase": "ready", "outcome": "ready", "commit": commit},
		)
	}
	t.Run("ls", func(t *testing.T) {
		var shown document
		for _, environment := range b.environments(t) {
			if environment.text("branch") == "shown" {
				shown = environment
			}
		}
		if diff := cmp.Diff(joined(environmentKeys, reportKeys), shown.keys()); diff != "" {
			t.Fatalf("keys (-want +got):\n%s", diff)
		}
		equal(t, shown, want)
		reported(t, shown)
	})
	t.Run("status", func(t *testing.T) {
		status := b.must(t, "status", "shown")
		if diff := cmp.Diff(joined(statusKeys, reportKeys), status.keys()); diff != "" {
			t.Fatalf("keys (-want +got):\n%s", diff)
		}
		equal(t, status, want)
		reported(t, status)
		equal(t, status, document{"phase": "ready", "run": up["run"]})
		seen := map[any]any{}
		for _, each := range status["resources"].([]any) {
			resource := each.(map[string]any)
			seen[resource["type"]] = resource["status"]
		}
		for _, kind := range []string{
			"AWS::ElasticBeanstalk::Environment", "AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::Route53::RecordSet",
		} {
			if seen[kind] != "CREATE_COMPLETE" {
				t.Errorf("%s is %v", kind, seen[kind])
			}
		}
	})
	t.Run("url", func(t *testing.T) {
		if out := b.starter(t.Context(), "url", "shown"); out.exit != 0 || out.stdout != up.text("url")+"\n" {
			t.Errorf("exit code %d, stdout %q", out.exit, out.stdout)
		}
	})
	t.Run("text", func(t *testing.T) {
		contains(t, b.starter(t.Context(), "ls").stdout, "BRANCH", "shown", "ready", commit[:7], up.text("url"))
		contains(
			t, b.starter(t.Context(), "status", "shown").stdout, "shop-shown", "CREATE_COMPLETE",
			"AWS::RDS::DBInstance", b.uiURL,
		)
	})
}

func TestReadingAnEnvironmentThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	status := b.must(t, "status", "nowhere")
	if diff := cmp.Diff(statusKeys, status.keys()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	equal(
		t, status,
		document{"branch": "nowhere", "stack": "shop-nowhere", "status": "", "phase": "", "resources": []any{}},
	)
	out := b.starter(t.Context(), "url", "nowhere")
	if out.exit != 1 || out.stdout != "" {
		t.Errorf("exit code %d, stdout %q", out.exit, out.stdout)
	}
	contains(t, out.stderr, "nowhere has no URL", "perch up nowhere")
}

func TestTheApplicationIsShownAndAppliedOnce(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	status := b.must(t, "application", "status")
	equal(t, status, document{"stack": "shop-application-staging", "status": "CREATE_COMPLETE", "changed": false})
	if outputs, _ := status["outputs"].(map[string]any); len(outputs) == 0 {
		t.Error("it has no outputs")
	}
	again := b.must(t, "application", "up")
	equal(t, again, document{"stack": "shop-application-staging", "changed": false, "outputs": status["outputs"]})
}

func TestRenderPrintsTheTemplateAndNothingElse(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	out := b.starter(t.Context(), "render", "feature/login", "--commit", b.repo.head(t, "feature/login"))
	var template struct {
		Resources map[string]struct{ Type string }
		Outputs   map[string]any
	}
	if err := json.Unmarshal([]byte(out.stdout), &template); err != nil || out.exit != 0 {
		t.Fatalf("exit code %d, %v: %s", out.exit, err, out.stderr)
	}
	if template.Resources["Environment"].Type != "AWS::ElasticBeanstalk::Environment" ||
		template.Outputs["PerchCommit"] == nil {
		t.Errorf("template: %+v", template)
	}
}

func TestAPlanWantsAWorker(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	alone := &bench{
		Sandbox: b.Sandbox, project: "lonely",
		env: map[string]string{"PERCH_REPO": t.TempDir(), "PERCH_PROJECT": "lonely"},
	}
	exit, plan := alone.ask(t, "plan", "main", "--commit", strings.Repeat("1", 40))
	if exit != 3 {
		t.Errorf("exit code %d, want 3", exit)
	}
	equal(t, plan, document{"outcome": "timeout", "stack": "lonely-main", "changes": []any{}})
	contains(
		t, plan.text("error"), `no worker is polling task queue "perch-lonely"`,
		"check the name of the project, start one for project lonely, or read in its log why it stopped",
	)
	// It must leave no run in Temporal that would only end by its timeout.
	started, err := b.connect(t).ListWorkflow(
		t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId STARTS_WITH 'lonely'"},
	)
	if err != nil || len(started.GetExecutions()) > 0 {
		t.Errorf("workflows of the project: %v, %v; want none", started.GetExecutions(), err)
	}
}

func TestSearchAttributesAreRegisteredByAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	// The worker of another project registers in the same namespace, and works.
	b.newProject(t, "second", map[string]string{"perch.yaml": bare("second")}, func(*perch.Policy) {})
	have, err := b.connect(t).OperatorService().ListSearchAttributes(
		t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: "default"},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range perch.SearchAttributes() {
		if kind := have.GetCustomAttributes()[name]; kind != enums.INDEXED_VALUE_TYPE_KEYWORD {
			t.Errorf("%s is %v", name, kind)
		}
	}
}

func TestARunCanBeReadInTemporal(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.repo.commit(t, "legible", map[string]string{"a.txt": "1"})
	up := b.must(t, "up", "legible")
	run, c := up.text("run", "run_id"), b.connect(t)

	t.Run("it is found by what people know", func(t *testing.T) {
		eventually(t, "the run is listed", func() (any, bool) {
			query := `PerchProject = "shop" AND PerchBranch = "legible" AND PerchCommit = "` + commit +
				`" AND PerchPhase = "ready"`
			found, err := c.ListWorkflow(
				t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: "default", Query: query},
			)
			if err != nil {
				return err, false
			}
			return found, len(found.GetExecutions()) == 1 && found.GetExecutions()[0].GetExecution().GetRunId() == run
		})
	})
	t.Run("every activity says what it does", func(t *testing.T) {
		var summaries []string
		for events := c.GetWorkflowHistory(
			t.Context(), "shop-legible", run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
		); events.HasNext(); {
			event, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			if event.GetEventType() == enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
				var summary string
				if err := converter.GetDefaultDataConverter().FromPayload(
					event.GetUserMetadata().GetSummary(), &summary,
				); err != nil {
					t.Fatal(err)
				}
				summaries = append(
					summaries, event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()+": "+summary,
				)
			}
		}
		want := []string{
			"Admit: admit up of legible", "CreateStack: create stack shop-legible", "Report: report on legible",
			"AwaitStack: wait for the creation of shop-legible",
			"SeedData: seed shop-legible (1 steps)", "AwaitReady: wait for an answer from " + up.text("url"),
			"SeedData: seed shop-legible (1 steps)",
			"Report: report on legible",
		}
		if diff := cmp.Diff(want, summaries); diff != "" {
			t.Errorf("activities (-want +got):\n%s", diff)
		}
	})
	t.Run("its head shows its state", func(t *testing.T) {
		value, err := c.QueryWorkflow(t.Context(), "shop-legible", run, "__temporal_workflow_metadata")
		if err != nil {
			t.Fatal(err)
		}
		var metadata sdkpb.WorkflowMetadata
		if err := value.Get(&metadata); err != nil {
			t.Fatal(err)
		}
		contains(t, metadata.GetCurrentDetails(), "| branch | legible |", "| commit | "+commit+
			" |", "| phase | ready |", "shop-legible CREATE_COMPLETE", up.text("url"), "| because | perch up |")
	})
}
