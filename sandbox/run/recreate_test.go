package run

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/sandbox/aws"
)

// withDatabase returns a perch.yaml with a seeded bucket and a database of this size.
func withDatabase(project string, storage int) map[string]string {
	return map[string]string{
		"perch.yaml": bare(project, fmt.Sprintf(
			"  database: {class: db.t4g.micro, storage_gb: %d}", storage,
		), "  buckets: {media: {}}",
			"seed:", "  - s3: {from: fixtures/one, to: media}"),
		"fixtures/one/a.txt": "a",
	}
}

// stopped stops the stack's database, as a person does to save money. The returned function starts
// it.
func (b *bench) stopped(t *testing.T, stack string) (start func()) {
	t.Helper()
	database, client := b.resource(t, stack, "Database"), rds.NewFromConfig(b.awsConfig())
	if _, err := client.StopDBInstance(
		t.Context(), &rds.StopDBInstanceInput{DBInstanceIdentifier: &database},
	); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if _, err := client.StartDBInstance(
			t.Context(), &rds.StartDBInstanceInput{DBInstanceIdentifier: &database},
		); err != nil {
			t.Fatal(err)
		}
	}
}

func TestS93AStoppedDatabaseFailsEveryPushAndIsNeverReplaced(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "asleep", withDatabase("shop", 20))
	b.must(t, "up", "asleep")
	database, bucket := b.resource(t, "shop-asleep", "Database"), b.resource(t, "shop-asleep", "BucketMedia")
	start := b.stopped(t, "shop-asleep")
	advice := []string{
		"Database", "Database instance is not in available state", "the database is stopped", "then push again",
	}
	b.repo.commit(t, "asleep", withDatabase("shop", 30))
	contains(
		t, b.failed(t, "up", "asleep"),
		append(advice, "the update of stack shop-asleep ended in UPDATE_ROLLBACK_FAILED")...,
	)
	for range 2 {
		contains(
			t, b.failed(t, "up", "asleep"),
			append(advice, "stack shop-asleep is UPDATE_ROLLBACK_FAILED", "`perch up --recreate asleep`")...,
		)
	}
	start()
	equal(t, b.must(t, "up", "asleep"), document{"outcome": "ready", "created": false, "seeded": false})
	if all := b.stacks(t, "shop-asleep"); len(all) != 1 {
		t.Errorf("stacks: %v", all)
	}
	if now := b.resource(t, "shop-asleep", "Database"); now != database {
		t.Errorf("the database is %s and was %s", now, database)
	}
	if diff := cmp.Diff([]string{"a.txt"}, b.keysOf(t, bucket)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestS94ARecreationIsASafeDeletionAndANewCreation(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "afresh", withDatabase("shop", 20))
	b.must(t, "up", "afresh")
	old := b.resource(t, "shop-afresh", "BucketMedia")
	plan := b.must(t, "plan", "afresh", "--recreate")
	equal(t, plan, document{"outcome": "planned", "step": "delete"})
	if len(b.stacks(t, "shop-afresh")) != 1 {
		t.Fatal("a plan has deleted the stack")
	}
	equal(t, b.must(t, "up", "afresh", "--recreate"), document{"outcome": "ready", "created": true, "seeded": true})
	all := b.stacks(t, "shop-afresh")
	if len(all) != 2 || all[0].StackStatus != "DELETE_COMPLETE" || all[1].StackStatus != "CREATE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
	// A deletion fails if a bucket is not emptied in time, and is then repeated.
	if diff := cmp.Diff(
		[]string{"CreateStack", "DeleteStack", "CreateStack"}, slices.Compact(b.changes("shop-afresh")),
	); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
	if !b.missingBucket(t, old) {
		t.Errorf("bucket %s is left", old)
	}
	if diff := cmp.Diff([]string{"a.txt"}, b.keysOf(t, b.resource(t, "shop-afresh", "BucketMedia"))); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestS94ARecreationThatADeletionCouldNotFollowIsRejected(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "withheld", withDatabase("shop", 20))
	b.must(t, "up", "withheld")
	b.protect(t, "shop-withheld", true)
	for command, branch := range map[string]string{"up": "withheld", "plan": "withheld"} {
		exit, d := b.ask(t, command, branch, "--recreate")
		if exit != 4 || !strings.Contains(d.text("error"), "stack shop-withheld is protected") {
			t.Errorf("%s: exit code %d: %v", command, exit, d)
		}
	}
	if exit, d := b.ask(
		t, "up", "main", "--recreate",
	); exit != 4 || !strings.Contains(d.text("error"), "is the default branch") {
		t.Errorf("exit code %d: %v", exit, d)
	}
	b.protect(t, "shop-withheld", false)
	b.order(t, aws.Fault{
		Service: "cloudformation", Action: "DeleteStack", Contains: "shop-withheld", Status: 403, Code: "AccessDenied",
		Message: "no", Count: 1,
	})
	contains(t, b.failed(t, "up", "withheld", "--recreate"), "delete stack", "AccessDenied")
	equal(t, b.must(t, "up", "withheld"), document{"outcome": "ready", "created": false, "seeded": false})
	b.takesWrites(t, b.resource(t, "shop-withheld", "BucketMedia"))
}

func TestS96ThePolicyMayLetAStuckEnvironmentBeRecreated(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newProject(
		t, "phoenix", withDatabase("phoenix", 20), func(p *perch.Policy) { p.Repair = perch.RepairRecreate },
	)
	b.repo.commit(t, "burnt", withDatabase("phoenix", 20))
	b.must(t, "up", "burnt")
	b.stopped(t, "phoenix-burnt")
	b.repo.commit(t, "burnt", withDatabase("phoenix", 30))
	contains(t, b.failed(t, "up", "burnt"), "ended in UPDATE_ROLLBACK_FAILED")
	equal(t, b.must(t, "up", "burnt"), document{"outcome": "ready", "created": true, "seeded": true})
	if all := b.stacks(t, "phoenix-burnt"); len(all) != 2 || all[0].StackStatus != "DELETE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
}
