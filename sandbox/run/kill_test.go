package run

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awscfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"perch/sandbox/aws"
	"perch/sandbox/postgrestest"
)

// TestS59S19WorkerKilledAtEveryActivityBoundary kills one worker while each of several branches is
// held at a different boundary: first of Provision, then of its updates, then of Teardown. Another
// worker completes the runs.
func TestS59S19WorkerKilledAtEveryActivityBoundary(t *testing.T) {
	skipUnlessProof(t)
	t.Parallel()
	k := newKilling(t)
	worker := k.spawn(t, k.through)
	k.must(t, "application", "up")
	for _, b := range provisionBoundaries {
		files := map[string]string{"CHANGES.md": b.branch}
		if b.seed != "" {
			files["perch.yaml"] = demoConfig(t) + b.seed
		}
		if b.image != "" {
			files["perch.yaml"] = strings.Replace(demoConfig(t), demoImage+"{commit}", b.image, 1)
		}
		k.repo.commit(t, b.branch, files)
	}
	results, lift := k.bring(t, provisionBoundaries, "up")
	worker.kill()
	lift()
	worker = k.spawn(t, k.through)
	for i, b := range provisionBoundaries {
		t.Run("Provision/"+b.activity+b.at, func(t *testing.T) { k.provisioned(t, b, results[i]) })
	}

	for _, b := range updateBoundaries {
		if b.rollbacks > 0 {
			k.failUpdate(t, b)
		}
		if b.closed {
			k.close(t, k.resource(t, k.stackOf(t, b.branch), "BucketAssets"))
		}
		files := map[string]string{"CHANGES.md": b.branch + " again"}
		if b.drops != "" {
			files["perch.yaml"] = strings.Replace(
				strings.Replace(demoConfig(t), demoImage+"{commit}", b.image, 1),
				b.drops,
				"{}",
				1,
			)
		}
		k.repo.commit(t, b.branch, files)
	}
	results, lift = k.bring(t, updateBoundaries, "up")
	worker.kill()
	lift()
	worker = k.spawn(t, k.through)
	for i, b := range updateBoundaries {
		t.Run("Update/"+b.activity+b.at, func(t *testing.T) { k.updated(t, b, results[i]) })
	}

	k.updating(t, turnedBack)
	results, lift = k.bring(t, teardownBoundaries, "down")
	worker.kill()
	lift()
	k.spawn(t, k.through)
	for i, b := range teardownBoundaries {
		t.Run("Teardown/"+b.activity+b.at, func(t *testing.T) { k.removed(t, b, results[i]) })
	}
}

func TestS59S19WorkerKilledWhileItMakesAndDropsDatabases(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, postgrestest.Trust)
	server.Master(t, "perch", "")
	k := newKilling(t, func(o *options) { o.postgres = server.Address })
	worker := k.spawn(t, k.through)
	k.must(t, "application", "up")
	for _, b := range databaseBoundaries {
		k.repo.commit(t, b.branch, map[string]string{"perch.yaml": bare(k.project, "  database: {mode: shared}")})
	}
	dropped, made := databaseBoundaries[0], databaseBoundaries[1]
	k.must(t, "up", dropped.branch)
	downs, _ := k.bring(t, databaseBoundaries[:1], "down")
	ups, lift := k.bring(t, databaseBoundaries[1:], "up")
	worker.kill()
	lift()
	k.spawn(t, k.through)
	k.removed(t, dropped, downs[0])
	exit, up := ups[0]()
	if exit != 0 || up.text("outcome") != "ready" || up["created"] != true {
		t.Fatalf("exit code %d: %v", exit, up)
	}
	k.onlyOneTryMore(t, made, up)
	k.began(t, k.onlyStack(t, up.text("stack")), types.ResourceStatusCreateInProgress, 1)
	if found := server.Exec(
		t, "SELECT datname FROM pg_database WHERE datname LIKE 'perch%'",
	); !slices.Equal(found, []string{"perch_shop_made"}) {
		t.Errorf("databases: %q", found)
	}
}

// killing is a sandbox whose workers reach AWS and the pages through gates.
type killing struct {
	*bench
	aws, pages *gate
	through    map[string]string
	client     client.Client
}

func newKilling(t *testing.T, changes ...func(*options)) *killing {
	t.Helper()
	k := &killing{bench: newSandbox(t, append(changes, func(o *options) { o.worker = false })...)}
	k.aws, k.pages = newGate(t, k.awsURL), newGate(t, "http://127.0.0.1:"+k.pagesPort)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := writePolicy(k.Sandbox.project, policy, k.pages.port(), k.registryURL); err != nil {
		t.Fatal(err)
	}
	k.client = k.connect(t)
	k.through = map[string]string{"AWS_ENDPOINT_URL": k.aws.URL, "PERCH_POLICY": policy}
	return k
}

// bring runs the command for each boundary's branch until all of them are held there. lift releases
// everything.
func (k *killing) bring(
	t *testing.T, boundaries []boundary, command string,
) (results []func() (int, document), lift func()) {
	t.Helper()
	for _, b := range boundaries {
		stack := k.stackOf(t, b.branch)
		if b.fault != nil {
			fault := *b.fault
			if fault.Service == "" {
				fault.Stack = stack
			}
			k.order(t, fault)
		}
		switch {
		case b.pages:
			k.pages.hold(b.hold(stack))
		case b.hold != nil:
			k.aws.hold(b.hold(stack))
		}
		args := []string{command, b.branch}
		if b.cleanup {
			k.repo.drop(t, b.branch)
			args = []string{"cleanup", "--now"}
		}
		results = append(results, k.begin(t, args...))
		eventually(t, b.branch+" is held in "+b.activity, func() (any, bool) {
			pending := k.pending(t, stack)
			return pending, slices.Contains(pending, b.activity)
		})
		if b.activity == "Report" { // The second report is held. The next hold would also stop the first one.
			k.arrived(t)
		}
	}
	k.arrived(t)
	return results, func() {
		k.bench.aws.DeleteFault("")
		k.aws.open()
		k.pages.open()
	}
}

// failUpdate makes an update of the boundary's stack fail that Perch did not request and that only
// changes tags. If rollback is disabled, the stack stays UPDATE_FAILED. Otherwise it gets stuck in
// its rollback.
func (k *killing) failUpdate(t *testing.T, b boundary) {
	t.Helper()
	stack := k.stackOf(t, b.branch)
	k.order(
		t,
		aws.Fault{Stack: stack, LogicalID: "Environment", Phase: "update", Reason: "no capacity", Count: b.rollbacks},
	)
	was, err := k.formation().DescribeStacks(t.Context(), &awscfn.DescribeStacksInput{StackName: &stack})
	if err != nil {
		t.Fatal(err)
	}
	in := &awscfn.UpdateStackInput{
		StackName: &stack, UsePreviousTemplate: awssdk.Bool(
			true,
		), Capabilities: was.Stacks[0].Capabilities, DisableRollback: &b.left,
		Tags: append(was.Stacks[0].Tags, types.Tag{Key: awssdk.String("owner"), Value: awssdk.String("somebody else")}),
	}
	for _, parameter := range was.Stacks[0].Parameters {
		in.Parameters = append(
			in.Parameters, types.Parameter{ParameterKey: parameter.ParameterKey, UsePreviousValue: awssdk.Bool(true)},
		)
	}
	if _, err := k.formation().UpdateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	ended := "UPDATE_ROLLBACK_FAILED"
	if b.left {
		ended = "UPDATE_FAILED"
	}
	k.awaitStack(t, stack, ended)
}

// updating leaves the branch's stack in an update that hangs.
func (k *killing) updating(t *testing.T, branch string) {
	t.Helper()
	stack := k.stackOf(t, branch)
	k.repo.commit(t, branch, map[string]string{"CHANGES.md": "made"})
	k.must(t, "up", branch)
	k.order(t, aws.Fault{Stack: stack, LogicalID: "Environment", Phase: "update", Hang: true, Count: 1})
	k.repo.commit(t, branch, map[string]string{"CHANGES.md": "changed"})
	k.must(t, "up", branch, "--no-wait")
	k.awaitStack(t, stack, "UPDATE_IN_PROGRESS")
}

// arrived waits until every call that is to be held is held.
func (k *killing) arrived(t *testing.T) {
	t.Helper()
	for _, g := range []*gate{k.aws, k.pages} {
		for _, h := range g.holds {
			select {
			case <-h.reached:
			case <-t.Context().Done():
				t.Fatal("a call that is to be held was not made")
			}
		}
	}
}

// pending returns the activities of the workflow's run that have started and not ended.
func (k *killing) pending(t *testing.T, workflow string) (names []string) {
	t.Helper()
	description, err := k.client.DescribeWorkflowExecution(t.Context(), workflow, "")
	if err != nil {
		return nil // The request has not arrived yet.
	}
	for _, activity := range description.GetPendingActivities() {
		if activity.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED {
			names = append(names, activity.GetActivityType().GetName())
		}
	}
	return names
}

func (k *killing) provisioned(t *testing.T, b boundary, result func() (int, document)) {
	exit, up := result()
	got := map[string]any{
		"exit": exit, "outcome": up["outcome"], "created": up["created"], "seeded": up["seeded"],
		"commit": up["commit"],
	}
	want := map[string]any{
		"exit": 0, "outcome": "ready", "created": true, "seeded": true, "commit": k.repo.head(t, b.branch),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the result (-want +got):\n%s\n%v", diff, up)
	}
	stack := up.text("stack")
	k.onlyOneTryMore(t, b, up)
	k.began(t, k.onlyStack(t, stack), types.ResourceStatusCreateInProgress, 1)
	if b.seed != "" {
		if comments := k.commands(t); len(comments) != 1 {
			t.Errorf("%d commands were sent: %q", len(comments), comments)
		}
	}
	if status, page := k.page(
		t, up.text("slug"),
	); status != http.StatusOK || !strings.Contains(page, up.text("commit")) {
		t.Errorf("the page answers %d:\n%s", status, page)
	}
}

func (k *killing) updated(t *testing.T, b boundary, result func() (int, document)) {
	exit, up := result()
	if exit != 0 || up.text("outcome") != "ready" || up.text("commit") != k.repo.head(t, b.branch) ||
		up["created"] != false {
		t.Fatalf("exit code %d: %v", exit, up)
	}
	k.onlyOneTryMore(t, b, up)
	only := k.onlyStack(t, up.text("stack"))
	k.began(t, only, types.ResourceStatusUpdateInProgress, 1+min(b.rollbacks, 1))
	k.began(t, only, types.ResourceStatusUpdateRollbackInProgress, b.rollbacks)
}

func (k *killing) removed(t *testing.T, b boundary, result func() (int, document)) {
	exit, down := result()
	stack := k.stackOf(t, b.branch)
	if b.cleanup {
		equal(t, down, document{"removed": []any{stack}, "pending": []any{}, "failed": []any{}})
		down = document{"outcome": "gone", "run": map[string]any{"workflow_id": stack}}
	}
	if exit != 0 || down.text("outcome") != "gone" {
		t.Fatalf("exit code %d: %v", exit, down)
	}
	k.onlyOneTryMore(t, b, down)
	only := k.onlyStack(t, stack)
	k.deletedInTurn(t, only, b.deletions)
	if only.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("the stack was reported gone and is %s", only.StackStatus)
	}
}

// onlyOneTryMore reads the run's history. The activity during which the worker died must have been
// tried twice, the second time after its heartbeat was missed. Every other activity must have been
// tried once, unless a worker gave up an attempt. So at most one heartbeat timeout was lost.
func (k *killing) onlyOneTryMore(t *testing.T, b boundary, document document) {
	t.Helper()
	names := map[int64]string{}
	again := 0
	for _, event := range k.history(
		t, document.text("run", "workflow_id"), document.text("run", "run_id"),
	).GetEvents() {
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			names[event.GetEventId()] = scheduled.GetActivityType().GetName()
			if within := scheduled.GetHeartbeatTimeout().AsDuration(); within <= 0 || within > 20*time.Second {
				t.Errorf(
					"a worker that dies in %s is missed after %s, want 20 s at most", names[event.GetEventId()], within,
				)
			}
		}
		started := event.GetActivityTaskStartedEventAttributes()
		if started == nil || started.GetAttempt() == 1 {
			continue
		}
		name, timeout := names[started.GetScheduledEventId()], timeoutOf(started)
		if name == b.activity || name == b.beside || !gaveUp(started) {
			again++
		}
		if gaveUp(started) {
			continue
		}
		if name != b.activity && name != b.beside || started.GetAttempt() != 2 ||
			timeout != enumspb.TIMEOUT_TYPE_HEARTBEAT {
			t.Errorf(
				"%s was tried %d times, after %s (%s)", name, started.GetAttempt(), timeout,
				started.GetLastFailure().GetMessage(),
			)
		}
	}
	if again != 1 && b.beside == "" || again == 0 {
		t.Errorf("%d activities were tried again, want only %s", again, b.activity)
	}
}

// gaveUp reports whether a worker that is still running gave up the previous attempt, because its
// heartbeat was late on a busy machine.
func gaveUp(started *historypb.ActivityTaskStartedEventAttributes) bool {
	message := started.GetLastFailure().GetMessage()
	// The second is the error of a dial whose context ended.
	return strings.HasSuffix(message, context.Canceled.Error()) || strings.Contains(message, "operation was canceled")
}

func timeoutOf(started *historypb.ActivityTaskStartedEventAttributes) enumspb.TimeoutType {
	return started.GetLastFailure().GetTimeoutFailureInfo().GetTimeoutType()
}

// onlyStack returns the only stack that has ever had the name.
func (b *bench) onlyStack(t *testing.T, name string) types.StackSummary {
	t.Helper()
	all := b.stacks(t, name)
	if len(all) != 1 {
		t.Fatalf("%d stacks have had the name %s", len(all), name)
	}
	return all[0]
}

// began checks how often an operation on the stack has started.
func (b *bench) began(t *testing.T, stack types.StackSummary, status types.ResourceStatus, want int) {
	t.Helper()
	if begun := b.times(t, stack, status); begun != want {
		t.Errorf("stack %s has had %s %d times, want %d", *stack.StackName, status, begun, want)
	}
}

// deletedInTurn checks that each deletion of the stack except the first followed a failed one, and
// that there were at least least of them. A deletion fails if a bucket is not emptied in time.
func (b *bench) deletedInTurn(t *testing.T, stack types.StackSummary, least int) {
	t.Helper()
	begun, failed := b.times(
		t, stack, types.ResourceStatusDeleteInProgress,
	), b.times(t, stack, types.ResourceStatusDeleteFailed)
	if begun != failed+1 || begun < least {
		t.Errorf(
			"stack %s has had %d deletions, of which %d failed, want at least %d", *stack.StackName, begun, failed,
			least,
		)
	}
}

// times counts the stack's own events with a status.
func (b *bench) times(t *testing.T, stack types.StackSummary, status types.ResourceStatus) int {
	t.Helper()
	begun := 0
	for pages := awscfn.NewDescribeStackEventsPaginator(
		b.formation(), &awscfn.DescribeStackEventsInput{StackName: stack.StackId},
	); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range page.StackEvents {
			if *event.PhysicalResourceId == *stack.StackId && event.ResourceStatus == status {
				begun++
			}
		}
	}
	return begun
}
