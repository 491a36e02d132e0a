package run

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	awscfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"perch/sandbox/aws"
)

// boundary is a place in a run where the worker dies.
type boundary struct {
	// branch is the one that stands there, and seed a step of its own in its perch.yaml.
	branch, seed string
	// activity is the one that has started and has not ended; at says more where it has several boundaries.
	activity, at string
	// hold brings the branch there: a call that is held, or nil where fault does.
	hold func(stack string) *hold
	// pages says that the call is one of the environment's page and not of AWS.
	pages bool
	// fault holds the world instead, or brings the branch to where it is held.
	fault *aws.Fault
	// deletions is how often a removal deletes the stack; 0 stands for once.
	deletions int
}

// provisionBoundaries has every activity of Provision. Admit's call names no branch, so it comes last.
var provisionBoundaries = []boundary{
	{branch: "render", activity: "RenderTemplate", hold: func(stack string) *hold { return &hold{matches: calling("DescribeEnvironments", stack)} }},
	{branch: "look", activity: "DescribeStack", hold: byName("DescribeStacks", false)},
	{branch: "create-asked", activity: "CreateStack", at: " before its effect", hold: byName("CreateStack", false)},
	{branch: "create-done", activity: "CreateStack", at: " after its effect", hold: byName("CreateStack", true)},
	{branch: "await", activity: "AwaitStack", fault: &aws.Fault{Phase: "create", LogicalID: "Database", Hang: true}},
	{branch: "seed", activity: "SeedData", hold: func(stack string) *hold { return &hold{matches: addressing(http.MethodPut, stack), pass: 1} }},
	{branch: "ready", activity: "AwaitReady", pages: true, hold: func(stack string) *hold { return &hold{matches: addressing(http.MethodGet, "ready.localhost")} }},
	{branch: "request", activity: "SeedData", at: " when the app has taken the request", pages: true, hold: func(string) *hold {
		return &hold{after: true, matches: addressing(http.MethodPost, "request.localhost")}
	}},
	{branch: "command", activity: "SeedData", at: " when the command has been sent", seed: "  - run: {command: [echo, seeded by a command]}\n", hold: func(string) *hold {
		return &hold{after: true, matches: func(_ *http.Request, body string) bool { return strings.Contains(body, "'seeded by a command'") }}
	}},
	{branch: "admit", activity: "Admit", hold: func(string) *hold {
		return &hold{matches: func(_ *http.Request, body string) bool {
			return hasParameter(body, "Action=DescribeStacks") && !strings.Contains(body, "StackName=")
		}}
	}},
}

// updateBoundaries are those of Provision that an update has besides.
var updateBoundaries = []boundary{
	{branch: "render", activity: "UpdateStack", at: " before its effect", hold: byID("UpdateStack", false)},
	{branch: "look", activity: "UpdateStack", at: " after its effect", hold: byID("UpdateStack", true)},
	{branch: "await", activity: "AwaitStack", fault: &aws.Fault{Phase: "update", LogicalID: "Environment", Hang: true}},
}

// teardownBoundaries has every activity of Teardown but Admit, which makes no call for a removal.
var teardownBoundaries = []boundary{
	{branch: "render", activity: "DescribeStack", hold: byName("DescribeStacks", false)},
	{branch: "look", activity: "StackContents", hold: byID("ListStackResources", false)},
	{branch: "create-asked", activity: "EmptyBucket", hold: func(stack string) *hold {
		return &hold{matches: addressing(http.MethodPost, stack+"-bucketprivateassets-")}
	}},
	{branch: "create-done", activity: "DeleteStack", at: " before its effect", hold: byID("DeleteStack", false)},
	{branch: "await", activity: "DeleteStack", at: " after its effect", hold: byID("DeleteStack", true)},
	{branch: "seed", activity: "AwaitStack", fault: &aws.Fault{Phase: "delete", LogicalID: "Database", Hang: true}},
	{branch: "ready", activity: "VerifyGone", hold: func(stack string) *hold { return &hold{matches: calling("DescribeDBInstances", stack)} }},
	{branch: "admit", activity: "DiagnoseDeletion", fault: &aws.Fault{LogicalID: "BucketAssets", Refill: true, Count: 1}, deletions: 2,
		hold: func(stack string) *hold { return &hold{matches: calling("ListStackResources", "/"+stack+"/"), pass: 1} }},
	{branch: turnedBack, activity: "CancelUpdate", at: " after its effect", hold: byID("CancelUpdateStack", true)},
}

// turnedBack is the branch whose removal meets an update.
const turnedBack = "turned-back"

func byID(action string, after bool) func(string) *hold {
	return func(stack string) *hold { return &hold{after: after, matches: calling(action, "/"+stack+"/")} }
}

func byName(action string, after bool) func(string) *hold {
	return func(stack string) *hold {
		return &hold{after: after, matches: func(_ *http.Request, body string) bool {
			return hasParameter(body, "Action="+action) && hasParameter(body, "StackName="+stack)
		}}
	}
}

// TestS59S19WorkerKilledAtEveryActivityBoundary kills one worker while each of several branches stands at another boundary, first of
// Provision, then of its updates, then of Teardown; another worker ends what the first began.
func TestS59S19WorkerKilledAtEveryActivityBoundary(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	worker := k.spawn(t, k.through)
	k.must(t, "application", "up")
	for _, b := range provisionBoundaries {
		files := map[string]string{"CHANGES.md": b.branch}
		if b.seed != "" {
			files["perch.yaml"] = demoConfig(t) + b.seed
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
		k.repo.commit(t, b.branch, map[string]string{"CHANGES.md": b.branch + " again"})
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

// killing is a sandbox whose workers reach AWS and the pages through gates.
type killing struct {
	*bench
	aws, pages *gate
	through    map[string]string
	client     client.Client
}

func newKilling(t *testing.T) *killing {
	t.Helper()
	k := &killing{bench: newSandbox(t, func(o *options) { o.worker = false })}
	k.aws, k.pages = newGate(t, k.awsURL), newGate(t, "http://127.0.0.1:"+k.pagesPort)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := writePolicy(k.Sandbox.project, policy, k.pages.port()); err != nil {
		t.Fatal(err)
	}
	k.client = k.connect(t)
	k.through = map[string]string{"AWS_ENDPOINT_URL": k.aws.URL, "PERCH_POLICY": policy}
	return k
}

// bring runs the command for each boundary's branch until all of them stand there. lift lets go of the world again.
func (k *killing) bring(t *testing.T, boundaries []boundary, command string) (results []func() (int, document), lift func()) {
	t.Helper()
	for _, b := range boundaries {
		stack := k.stackOf(t, b.branch)
		if b.fault != nil {
			fault := *b.fault
			fault.Stack = stack
			k.order(t, fault)
		}
		switch {
		case b.pages:
			k.pages.hold(b.hold(stack))
		case b.hold != nil:
			k.aws.hold(b.hold(stack))
		}
		results = append(results, k.begin(t, command, b.branch))
		eventually(t, b.branch+" stands in "+b.activity, func() (any, bool) {
			pending := k.pending(t, stack)
			return pending, slices.Contains(pending, b.activity)
		})
	}
	k.arrived(t)
	return results, func() {
		k.bench.aws.DeleteFault("")
		k.aws.open()
		k.pages.open()
	}
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

// arrived waits until every call that is to be held is.
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

// pending are the activities of the workflow's run that have started and not ended.
func (k *killing) pending(t *testing.T, workflow string) (names []string) {
	t.Helper()
	description, err := k.client.DescribeWorkflowExecution(t.Context(), workflow, "")
	if err != nil {
		return nil // The request is still on its way.
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
	got := map[string]any{"exit": exit, "outcome": up["outcome"], "created": up["created"], "seeded": up["seeded"], "commit": up["commit"]}
	want := map[string]any{"exit": 0, "outcome": "ready", "created": true, "seeded": true, "commit": k.repo.head(t, b.branch)}
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
	if status, page := k.page(t, up.text("slug")); status != http.StatusOK || !strings.Contains(page, up.text("commit")) {
		t.Errorf("the page answers %d:\n%s", status, page)
	}
}

func (k *killing) updated(t *testing.T, b boundary, result func() (int, document)) {
	exit, up := result()
	if exit != 0 || up.text("outcome") != "ready" || up.text("commit") != k.repo.head(t, b.branch) || up["created"] != false {
		t.Fatalf("exit code %d: %v", exit, up)
	}
	k.onlyOneTryMore(t, b, up)
	k.began(t, k.onlyStack(t, up.text("stack")), types.ResourceStatusUpdateInProgress, 1)
}

func (k *killing) removed(t *testing.T, b boundary, result func() (int, document)) {
	exit, down := result()
	if exit != 0 || down.text("outcome") != "gone" {
		t.Fatalf("exit code %d: %v", exit, down)
	}
	stack := k.stackOf(t, b.branch)
	k.onlyOneTryMore(t, b, down)
	only := k.onlyStack(t, stack)
	k.began(t, only, types.ResourceStatusDeleteInProgress, max(b.deletions, 1))
	if only.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("the stack was reported gone and is %s", only.StackStatus)
	}
}

// onlyOneTryMore reads the run's history: the activity at which the worker died was tried twice, once its heartbeat had been missed, and
// every other one once. So what was lost is the heartbeat's timeout at most.
func (k *killing) onlyOneTryMore(t *testing.T, b boundary, document document) {
	t.Helper()
	names := map[int64]string{}
	again := 0
	for _, event := range k.history(t, document.text("run", "workflow_id"), document.text("run", "run_id")).GetEvents() {
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			names[event.GetEventId()] = scheduled.GetActivityType().GetName()
			if within := scheduled.GetHeartbeatTimeout().AsDuration(); within <= 0 || within > 20*time.Second {
				t.Errorf("a worker that dies in %s is missed after %s, want 20 s at most", names[event.GetEventId()], within)
			}
		}
		started := event.GetActivityTaskStartedEventAttributes()
		if started == nil || started.GetAttempt() == 1 {
			continue
		}
		again++
		name, timeout := names[started.GetScheduledEventId()], timeoutOf(started)
		if name != b.activity || started.GetAttempt() != 2 || timeout != enumspb.TIMEOUT_TYPE_HEARTBEAT {
			t.Errorf("%s was tried %d times, after %s (%s)", name, started.GetAttempt(), timeout, started.GetLastFailure().GetMessage())
		}
	}
	if again != 1 {
		t.Errorf("%d activities were tried again, want only %s", again, b.activity)
	}
}

func timeoutOf(started *historypb.ActivityTaskStartedEventAttributes) enumspb.TimeoutType {
	return started.GetLastFailure().GetTimeoutFailureInfo().GetTimeoutType()
}

// onlyStack is the one stack that has ever had the name.
func (b *bench) onlyStack(t *testing.T, name string) types.StackSummary {
	t.Helper()
	all := b.stacks(t, name)
	if len(all) != 1 {
		t.Fatalf("%d stacks have had the name %s", len(all), name)
	}
	return all[0]
}

// began checks how often an operation on the stack has begun.
func (b *bench) began(t *testing.T, stack types.StackSummary, status types.ResourceStatus, want int) {
	t.Helper()
	begun := 0
	for pages := awscfn.NewDescribeStackEventsPaginator(b.formation(), &awscfn.DescribeStackEventsInput{StackName: stack.StackId}); pages.HasMorePages(); {
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
	if begun != want {
		t.Errorf("stack %s has had %s %d times, want %d", *stack.StackName, status, begun, want)
	}
}
