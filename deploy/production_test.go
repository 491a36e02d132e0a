package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"perch/sandbox/aws"
)

// TestNothingIsLostWhenAWorkerAndTheServerDie brings up what docker-compose.yml does, kills the
// worker that waits for a stack and then the Temporal server, and starts them again. The starter
// that asked goes on waiting, and its environment is made, and later removed, once.
func TestNothingIsLostWhenAWorkerAndTheServerDie(t *testing.T) {
	wantCluster(t)
	c := newCluster(t, fast)
	const branch = "feature/login"
	environment := stackOf(t, branch)
	stack := environment.StackName()
	commit := c.branch(t, branch)
	c.up(t, "cleanup-schedule")
	c.up(t, "starter")
	for _, again := range []string{"temporal-schema", "temporal-namespace", "cleanup-schedule"} {
		c.once(t, again) // Where its work is done it does nothing.
	}
	c.starter(t, nil, "application", "up", "--kind", "staging").must(t)
	temporal := c.temporal(t)

	lift := c.order(t, aws.Fault{Stack: stack, LogicalID: "Database", Phase: "create", Hang: true})
	asked := c.starter(
		t, map[string]string{"CIRCLECI": "true", "CIRCLE_BRANCH": branch, "CIRCLE_SHA1": commit}, "up", "-o", "json",
	)
	waiting := c.awaitWait(t, temporal, stack, 1)
	dead := c.workerOf(t, waiting.GetLastWorkerIdentity())
	c.running["worker"][dead].kill()
	if taken := c.awaitWait(t, temporal, stack, 2); taken.GetLastWorkerIdentity() == waiting.GetLastWorkerIdentity() {
		t.Errorf("%s was killed and waits on", taken.GetLastWorkerIdentity())
	}
	c.running["temporal"][0].kill()
	c.healthy(t, "temporal")
	c.healthy(t, "worker")
	lift()

	up := asked.must(t)
	want := map[string]any{"outcome": "ready", "created": true, "seeded": true, "commit": commit, "stack": stack}
	got := map[string]any{}
	for key := range want {
		got[key] = up[key]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the result (-want +got):\n%s\n%v", diff, up)
	}
	if status, text, err := c.page(
		t.Context(), environment.Slug,
	); err != nil || status != 200 || !strings.Contains(text, commit) {
		t.Errorf("the page answers %d, %v:\n%s", status, err, text)
	}
	if found := c.buckets(t, stack); len(found) != 2 {
		t.Errorf("the stack's buckets are %v", found)
	}

	down := c.starter(t, nil, "down", branch, "-o", "json").must(t)
	if down["outcome"] != "gone" {
		t.Errorf("the removal ended %v", down)
	}
	if found := c.buckets(t, stack); len(found) != 0 {
		t.Errorf("buckets are left: %v", found)
	}
	if all := c.stacks(t, stack); len(all) != 1 || all[0].StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("the stacks of that name are %v", all)
	}
	// CloudFormation may reach a bucket before it is empty; the removal then deletes the stack
	// again.
	if changes := c.changes(stack); !slices.Equal(slices.Compact(changes), []string{"CreateStack", "DeleteStack"}) {
		t.Errorf("the calls were %v", changes)
	}
	c.runs(t, temporal, branch, []string{"Provision Completed", "Teardown Completed"})
}

// branch makes a branch of main with a new commit and returns the commit.
func (w *world) branch(t testing.TB, name string) string {
	t.Helper()
	w.git(t, "checkout", "--quiet", "-B", name, "main")
	w.git(t, "commit", "--quiet", "--allow-empty", "--message", name)
	return w.git(t, "rev-parse", "HEAD")
}

// order orders a fault that is lifted by the function returned, or when the test is over.
func (w *world) order(t testing.TB, fault aws.Fault) (lift func()) {
	t.Helper()
	id, err := w.aws.AddFault(fault)
	if err != nil {
		t.Fatal(err)
	}
	lifted := false
	lift = func() {
		if !lifted {
			w.aws.DeleteFault(id)
		}
		lifted = true
	}
	t.Cleanup(lift)
	return lift
}

// job is a starter that runs as `docker compose run --rm starter` does.
type job struct {
	*process
	stdout *bytes.Buffer
}

func (c *cluster) starter(t testing.TB, variables map[string]string, args ...string) job {
	t.Helper()
	var out bytes.Buffer
	p := c.prepare(t, "starter", append(slices.Clone(c.services["starter"].Entrypoint), args...), variables)
	p.Stdout = &out
	return job{start(t, c.logs, "starter-"+args[0], p), &out}
}

// must waits for the end, which has to be exit code 0, and returns the document on stdout, if there
// is one.
func (j job) must(t testing.TB) (document map[string]any) {
	t.Helper()
	if code := j.exit(t); code != 0 {
		t.Fatalf("%s ended with exit code %d; it said:\n%s\n%s", strings.Join(j.Args, " "), code, j.stdout, j.said(t))
	}
	if j.stdout.Len() > 0 && j.stdout.Bytes()[0] == '{' {
		if err := json.Unmarshal(j.stdout.Bytes(), &document); err != nil {
			t.Fatalf("read what %s says: %v\n%s", j.name, err, j.stdout)
		}
	}
	return document
}

// temporal is a client of the cluster's namespace.
func (c *cluster) temporal(t testing.TB) client.Client {
	t.Helper()
	options := client.Options{HostPort: "127.0.0.1:" +
		c.ports["temporal:7233"], Namespace: c.services["worker"].Environment["TEMPORAL_NAMESPACE"]}
	connection, err := client.Dial(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	return connection
}

// awaitWait waits until the workflow is in this attempt at AwaitStack, or a later one.
func (c *cluster) awaitWait(
	t testing.TB, temporal client.Client, workflow string, attempt int32,
) (waiting *workflowpb.PendingActivityInfo) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s waits for its stack, attempt %d", workflow, attempt), func() (any, bool) {
		description, err := temporal.DescribeWorkflowExecution(t.Context(), workflow, "")
		if err != nil {
			return err, false
		}
		for _, activity := range description.GetPendingActivities() {
			waiting = activity
			if activity.GetActivityType().GetName() == "AwaitStack" &&
				activity.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED && activity.GetAttempt() >= attempt {
				return nil, true
			}
		}
		return description.GetPendingActivities(), false
	}, c.running["temporal"]...)
	return waiting
}

var processID = regexp.MustCompile(`^(\d+)@`)

// workerOf is the replica whose identity this is.
func (c *cluster) workerOf(t testing.TB, identity string) int {
	t.Helper()
	if match := processID.FindStringSubmatch(identity); match != nil {
		pid, _ := strconv.Atoi(match[1])
		for i, p := range c.running["worker"] {
			if p.Process.Pid == pid {
				return i
			}
		}
	}
	t.Fatalf("no worker is %s", identity)
	return 0
}

// runs are found by the branch's search attribute, in the order of their starts.
func (c *cluster) runs(t testing.TB, temporal client.Client, branch string, want []string) {
	t.Helper()
	eventually(t, "the runs are found by their search attribute", func() (any, bool) {
		found, err := temporal.ListWorkflow(
			t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("PerchBranch = %q", branch)},
		)
		if err != nil {
			return err, false
		}
		var got []string
		for _, run := range found.GetExecutions() {
			got = append(got, run.GetType().GetName()+" "+run.GetStatus().String())
		}
		slices.Sort(got)
		return got, slices.Equal(got, want)
	})
}
