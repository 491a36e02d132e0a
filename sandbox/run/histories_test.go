package run

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"perch"
	"perch/sandbox/aws"
	"perch/sandbox/postgrestest"
)

var update = flag.Bool("update", false, "write the histories of workflows/testdata and docs/first-account.txt again")

// TestRecordHistories records one real run of every outcome for package workflows, which replays
// them.
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
	b.sendNote(t, branch, "recorded")
	b.save(t, "note", stack, nil)
	b.repo.commit(t, branch, map[string]string{"CHANGES.md": "one"})
	b.save(t, "updated", stack, b.must(t, "up", branch))

	_, rejected := b.ask(t, "down", "main")
	b.save(t, "rejected", rejected.text("stack"), rejected)

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
	b.order(t, aws.Fault{
		Stack: stack, LogicalID: "BucketAssets", Phase: "delete", Reason: "The bucket you tried to delete is not empty",
		Count: 1,
	})
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
	b.must(t, "history")
	b.save(t, "history", b.newest(t, perch.WorkflowHistory), nil)
	b.ask(t, "doctor")
	b.save(t, "doctor", b.newest(t, perch.WorkflowDoctor), nil)
	b.must(t, "plan", leftover)
	b.save(t, "plan", b.newest(t, perch.WorkflowPlan), nil)
	head := b.repo.head(t, leftover)
	b.repo.drop(t, leftover)
	b.must(t, "cleanup", "--no-wait")
	unwaited := b.newest(t, perch.WorkflowCleanup)
	b.repo.point(t, leftover, head)
	b.save(t, "kept-by-a-push", b.stackOf(t, leftover), b.superseding(t, leftover))
	b.repo.drop(t, leftover)
	b.must(t, "cleanup", "--now")
	forced := b.newest(t, perch.WorkflowCleanup, unwaited)
	b.save(t, "cleanup", forced, nil)
	b.save(t, "removed-by-cleanup", b.stackOf(t, leftover), nil)

	b.saveJudgements(t, unwaited, forced)
	b.saveRepairs(t, branch, stack)
}

// TestRecordHistoriesWithASharedDatabase records the runs that create, check and drop a database in
// the shared instance.
func TestRecordHistoriesWithASharedDatabase(t *testing.T) {
	if !*update {
		t.Skip("records histories only with -update")
	}
	server := postgrestest.Start(t, postgrestest.Trust)
	server.Master(t, "perch", "")
	b := newSandbox(t, func(o *options) { o.postgres = server.Address })
	b.must(t, "application", "up")
	b.repo.commit(t, "carts", map[string]string{"perch.yaml": bare(b.project, "  database: {mode: shared}")})
	stack := b.stackOf(t, "carts")
	b.save(t, "created-with-a-shared-database", stack, b.must(t, "up", "carts"))
	b.save(t, "unchanged-with-a-shared-database", stack, b.must(t, "up", "carts"))
	b.save(t, "removed-with-a-shared-database", stack, b.must(t, "down", "carts"))
	b.save(t, "absent-with-a-shared-database", stack, b.must(t, "down", "carts"))

	b.must(t, "up", "carts")
	lift := b.order(t, aws.Fault{
		Service: "secretsmanager", Action: "GetSecretValue", Code: "AccessDeniedException", Message: "not authorized",
	})
	_, undropped := b.ask(t, "down", "carts")
	b.save(t, "left-behind-with-a-shared-database", stack, undropped)
	lift()
	b.must(t, "down", "carts")
}

// TestRecordHistoriesOfExpiry records the runs that judge expiry, and those that pin an environment
// or reject the pin.
func TestRecordHistoriesOfExpiry(t *testing.T) {
	if !*update {
		t.Skip("records histories only with -update")
	}
	b := newHome(t, "unused")
	b.must(t, "pin", "unused", "--reason", "demo")
	pinned := b.newest(t, perch.WorkflowKeep)
	b.save(t, "pinned", pinned, nil)
	b.ask(t, "extend", "unused", "--by", "8760h")
	b.save(t, "extension-rejected", b.newest(t, perch.WorkflowKeep, pinned), nil)
	b.must(t, "unpin", "unused")
	b.aws.Forward(150 * time.Hour)
	b.must(t, "expiry")
	b.save(t, "expiry", b.newest(t, perch.WorkflowExpiry), nil)
}

// saveRemovalsOver saves the runs of a deployment during which removals arrive: one that is
// rejected, and one that is carried out.
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
	_, rejected := b.ask(t, "down", branch)
	b.save(t, "rejected-over-a-deployment", stack, rejected)
	b.awaitActivity(t, stack, "AwaitStack")
	lift()
	_, resumed := up()
	b.save(t, "updated-after-a-rejected-removal", stack, resumed)

	b.protect(t, stack, false)
	up, lift = during("six")
	down := b.begin(t, "down", branch)
	_, superseded := up()
	lift()
	_, removed := down()
	b.save(t, "announced-over-a-deployment", stack, superseded)
	b.save(t, "removed-over-a-deployment", stack, removed)
	announced := b.history(t, stack, superseded.text("run", "run_id")).
		GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	b.save(
		t, "superseded-by-a-removal", stack,
		document{"run": map[string]any{"run_id": announced.GetContinuedExecutionRunId()}},
	)
}

// saveRepairs saves the runs that repair a failed stack, and those that cannot.
func (b *bench) saveRepairs(t *testing.T, branch, stack string) {
	t.Helper()
	b.order(t, aws.Fault{Stack: stack, LogicalID: "Database", Phase: "create", Reason: "no capacity", Count: 1})
	_, failed := b.ask(t, "up", branch)
	b.save(t, "failed-in-its-creation", stack, failed)
	b.save(t, "recreated", stack, b.must(t, "up", branch))

	name := b.resource(t, stack, "Environment")
	if _, err := elasticbeanstalk.NewFromConfig(b.awsConfig()).TerminateEnvironment(
		t.Context(), &elasticbeanstalk.TerminateEnvironmentInput{EnvironmentName: &name},
	); err != nil {
		t.Fatal(err)
	}
	b.repo.commit(t, branch, map[string]string{"CHANGES.md": "seven"})
	_, stuck := b.ask(t, "up", branch)
	b.save(t, "failed-and-stuck", stack, stuck)
	_, stays := b.ask(t, "up", branch)
	b.save(t, "failed-and-stays-stuck", stack, stays)
	b.save(t, "recreated-because-it-was-stuck", stack, b.must(t, "up", branch, "--recreate"))

	lift := b.order(t, aws.Fault{
		Stack: stack, LogicalID: "Database", Phase: "delete",
		Reason: "Cannot delete protected DB Instance, please disable deletion protection and try again.",
	})
	_, kept := b.ask(t, "down", branch)
	b.save(t, "failed-in-its-removal", stack, kept)
	b.save(t, "forced-and-left-behind", stack, second(b.ask(t, "down", branch, "--force")))
	lift()
}

func second(_ int, d document) document { return d }

// saveJudgements saves the runs of cleanup that end without removals.
func (b *bench) saveJudgements(t *testing.T, earlier ...string) {
	t.Helper()
	sweep := func() string {
		earlier = append(earlier, b.newest(t, perch.WorkflowCleanup, earlier...))
		return earlier[len(earlier)-1]
	}
	branches := []string{"one", "two", "three"}
	for i, branch := range branches {
		b.repo.commit(t, branch, map[string]string{"perch.yaml": bare(b.project), "CHANGES.md": fmt.Sprint(i)})
		b.must(t, "up", branch)
	}
	head := b.repo.head(t, "one")
	b.repo.drop(t, "one")
	b.must(t, "cleanup", "--no-wait")
	sweep()
	b.repo.point(t, "one", head)
	eventually(t, "the last look keeps the environment", func() (any, bool) {
		phase := b.must(t, "status", "one").text("phase")
		return phase, phase == string(perch.PhaseKept)
	})
	b.save(t, "kept-by-the-last-look", b.stackOf(t, "one"), nil)

	b.repo.drop(t, branches...)
	_, braked := b.ask(t, "cleanup")
	b.save(t, "cleanup-braked", sweep(), nil)
	b.must(t, "cleanup", "approve", braked.text("brake", "hash"))
	b.save(t, "cleanup-approved", sweep(), nil)
}

// awaitActivity waits until the newest run of the workflow has started the activity.
func (b *bench) awaitActivity(t *testing.T, workflow, activity string) {
	t.Helper()
	eventually(t, workflow+" has begun "+activity, func() (any, bool) {
		events := b.history(t, workflow, "").GetEvents()
		return len(events), slices.ContainsFunc(events, func(event *historypb.HistoryEvent) bool {
			return event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == activity
		})
	})
}

// superseding requests the branch while cleanup's removal of it waits, and returns the removal's
// run.
func (b *bench) superseding(t *testing.T, branch string) document {
	t.Helper()
	waiting := b.must(t, "status", branch)
	b.must(t, "up", branch)
	return waiting
}

// newest returns the ID of the newest workflow of a type that is not in before, because a listing
// may not show the newest one yet.
func (b *bench) newest(t *testing.T, kind string, before ...string) (id string) {
	t.Helper()
	client := b.connect(t)
	eventually(t, "a new workflow of type "+kind, func() (any, bool) {
		found, err := client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: "default", PageSize: 1, Query: fmt.Sprintf("WorkflowType = '%s'", kind),
		})
		if err != nil || len(found.GetExecutions()) == 0 {
			return err, false
		}
		id = found.GetExecutions()[0].GetExecution().GetWorkflowId()
		return id, !slices.Contains(before, id)
	})
	return id
}
