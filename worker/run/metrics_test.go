package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
	"perch/workflows"
)

func shop() *perch.Policy { return &perch.Policy{Project: "shop"} }

func TestRunsAreCountedByOutcome(t *testing.T) {
	tests := map[string]struct {
		result any
		err    error
		want   string
	}{
		"ready":         {result: &perch.Result{Outcome: perch.OutcomeReady}, want: "ready"},
		"rejected":      {result: &perch.Result{Outcome: perch.OutcomeRejected}, want: "rejected"},
		"a reading run": {result: &perch.ListResult{}, want: "completed"},
		"failed": {
			result: (*perch.Result)(nil), err: temporal.NewApplicationError("broken", "StackFailed"), want: "failed",
		},
		"cancelled": {result: (*perch.Result)(nil), err: temporal.NewCanceledError(), want: "cancelled"},
		"handed on": {
			result: (*perch.Result)(nil), err: &workflow.ContinueAsNewError{}, want: "superseded",
		},
		"cleanup":                        {result: &perch.CleanupResult{}, want: "completed"},
		"cleanup that the limit stopped": {result: &perch.CleanupResult{Brake: &perch.CleanupBrake{}}, want: "braked"},
		"cleanup that held all":          {result: &perch.CleanupResult{Problem: "no listing"}, want: "held"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := outcome(test.result, test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAWorkflowsEndIsCounted(t *testing.T) {
	o := newOperations("shop")
	env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&counting{metrics: o.metrics}}})
	env.RegisterWorkflowWithOptions(func(workflow.Context) (*perch.Result, error) {
		return &perch.Result{Outcome: perch.OutcomeReady}, nil
	}, workflow.RegisterOptions{Name: perch.WorkflowProvision})
	env.ExecuteWorkflow(perch.WorkflowProvision)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`perch_runs_total{outcome="failed",project="shop",workflow="Cleanup"} 0`,
		`perch_runs_total{outcome="failed",project="shop",workflow="Provision"} 0`,
		`perch_runs_total{outcome="failed",project="shop",workflow="Teardown"} 0`,
		`perch_runs_total{outcome="ready",project="shop",workflow="Provision"} 1`,
	}
	if diff := cmp.Diff(want, samples(t, o, "perch_runs_total")); diff != "" {
		t.Error(diff)
	}
}

func TestAReplayCountsNothing(t *testing.T) {
	o := newOperations("shop")
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		Interceptors: []interceptor.WorkerInterceptor{&counting{metrics: o.metrics}},
	})
	if err != nil {
		t.Fatal(err)
	}
	replayer.RegisterWorkflow(workflows.Provision)
	if err := replayer.ReplayWorkflowHistoryFromJSONFile(
		nil, "../../workflows/testdata/histories/created.json",
	); err != nil {
		t.Fatal(err)
	}
	if got := samples(t, o, `perch_runs_total{outcome="ready"`); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestActivitiesTellStackTimesAndVerdicts(t *testing.T) {
	o := newOperations("shop")
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&counting{metrics: o.metrics}}})
	await := func(context.Context) (contract.AwaitResult, error) {
		return contract.AwaitResult{Status: "CREATE_COMPLETE"}, nil
	}
	plan := func(context.Context) (contract.PlanResult, error) {
		return contract.PlanResult{Verdicts: []perch.CleanupVerdict{
			{Verdict: perch.VerdictKeep}, {Verdict: perch.VerdictRemove}, {Verdict: perch.VerdictKeep},
		}}, nil
	}
	failing := func(context.Context) (contract.AwaitResult, error) {
		return contract.AwaitResult{Status: "UNFINISHED"}, errors.New("stopped")
	}
	for _, activity := range []any{await, plan, failing} {
		env.RegisterActivity(activity)
		_, _ = env.ExecuteActivity(activity) // The last one fails, and is not to be counted.
	}
	want := []string{`perch_stack_seconds_count{project="shop",status="CREATE_COMPLETE"} 1`}
	if diff := cmp.Diff(want, samples(t, o, "perch_stack_seconds_count")); diff != "" {
		t.Error(diff)
	}
	want = []string{
		`perch_cleanup_verdicts_total{project="shop",verdict="keep"} 2`,
		`perch_cleanup_verdicts_total{project="shop",verdict="remove"} 1`,
	}
	if diff := cmp.Diff(want, samples(t, o, "perch_cleanup_verdicts_total")); diff != "" {
		t.Error(diff)
	}
}

func TestThrottlesAreCountedForEachTry(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(
			w, `<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`,
		)
	}))
	defer server.Close()
	o := newOperations("shop")
	before := aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(s *retry.StandardOptions) {
				s.MaxAttempts, s.Backoff = 3, retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
					return 0, nil
				})
			})
		},
	}
	cfg := o.attach(Config{AWS: before}).AWS
	if _, err := cloudformation.NewFromConfig(cfg).DescribeStacks(
		t.Context(), &cloudformation.DescribeStacksInput{},
	); err == nil {
		t.Fatal("got no error")
	}
	want := []string{`perch_aws_throttles_total{operation="DescribeStacks",project="shop",service="CloudFormation"} 3`}
	if diff := cmp.Diff(want, samples(t, o, "perch_aws_throttles_total")); diff != "" {
		t.Error(diff)
	}
	if len(before.APIOptions) != 0 {
		t.Error("the caller's configuration was changed")
	}
}

// stacks lists what it is told to.
type stacks func() (perch.ListResult, error)

func (s stacks) ListEnvironments(context.Context, perch.ListInput) (perch.ListResult, error) {
	return s()
}

func TestEnvironmentsAreCountedByStatus(t *testing.T) {
	o := newOperations("shop")
	now := time.Unix(1_800_000_000, 0)
	o.metrics.environments.now = func() time.Time { return now }
	if got := samples(t, o, "perch_environments"); len(got) != 0 {
		t.Errorf("got %v before anything was counted", got)
	}
	count := func(err error, statuses ...string) error {
		return o.metrics.environments.count(t.Context(), stacks(func() (perch.ListResult, error) {
			var list perch.ListResult
			for _, status := range statuses {
				list.Environments = append(list.Environments, perch.EnvironmentStatus{Status: status})
			}
			return list, err
		}), "shop")
	}
	if err := count(nil, "CREATE_COMPLETE", "DELETE_FAILED", "CREATE_COMPLETE"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if err := count(errors.New("throttled")); err == nil {
		t.Error("a listing that failed was taken for an answer")
	}
	want := []string{
		`perch_environments_listed_timestamp_seconds{project="shop"} 1.8e+09`,
		`perch_environments{project="shop",status="CREATE_COMPLETE"} 2`,
		`perch_environments{project="shop",status="DELETE_FAILED"} 1`,
	}
	if diff := cmp.Diff(want, samples(t, o, "perch_environments")); diff != "" {
		t.Errorf("the older numbers must stay, with their time: %s", diff)
	}
	if err := count(nil); err != nil {
		t.Fatal(err)
	}
	if got := samples(t, o, "perch_environments{"); len(got) != 0 {
		t.Errorf("got %v of environments that are gone", got)
	}
}

// samples are the lines of /metrics that begin with prefix, sorted.
func samples(t *testing.T, o *operations, prefix string) []string {
	t.Helper()
	status, body := get(t, o, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("got status %d: %s", status, body)
	}
	var lines []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	slices.Sort(lines)
	return lines
}

func TestTheTemporalSDKsMetricsAreShown(t *testing.T) {
	o := newOperations("shop")
	handler := o.attach(Config{}).Temporal.MetricsHandler
	failures := handler.WithTags(map[string]string{"workflow_type": "Provision", "namespace": "default"}).Counter(
		"temporal_workflow_task_execution_failed",
	)
	failures.Inc(2)
	handler.WithTags(map[string]string{"workflow_type": "Teardown", "namespace": "default"}).WithTags(map[string]string{
		"workflow_type": "Provision",
	}).Counter("temporal_workflow_task_execution_failed").Inc(1)
	handler.WithTags(map[string]string{"worker_type": "ActivityWorker"}).Gauge(
		"temporal_worker_task_slots_available",
	).Update(7)
	handler.Timer("temporal_request_latency").Record(1500 * time.Millisecond)
	for _, want := range []string{
		`temporal_workflow_task_execution_failed{namespace="default",project="shop",workflow_type="Provision"} 3`,
		`temporal_worker_task_slots_available{project="shop",worker_type="ActivityWorker"} 7`,
		`temporal_request_latency_sum{project="shop"} 1.5`,
	} {
		name, _, _ := strings.Cut(want, "{")
		if diff := cmp.Diff([]string{want}, samples(t, o, name)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDocsNameEveryMetric(t *testing.T) {
	o := newOperations("shop")
	o.metrics.runs.WithLabelValues("", "")
	o.metrics.stackSeconds.WithLabelValues("")
	o.metrics.verdicts.WithLabelValues("")
	o.metrics.throttles.WithLabelValues("", "")
	o.metrics.environments.byStatus, o.metrics.environments.at = map[string]int{"": 0}, time.Unix(0, 0)
	text, err := os.ReadFile("../../docs/production.md")
	if err != nil {
		t.Fatal(err)
	}
	families, err := o.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, family := range families {
		if name := family.GetName(); strings.HasPrefix(name, "perch_") {
			named++
			if !strings.Contains(string(text), "| `"+name+"` |") {
				t.Errorf("docs/production.md does not say what %s means", name)
			}
		}
	}
	if named != 6 {
		t.Errorf("got %d metrics, and the test knows 6", named)
	}
}
