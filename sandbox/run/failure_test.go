package run

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/sandbox/aws"
)

// failed runs a command that must end with exit code 1, and returns its sentence.
func (b *bench) failed(t *testing.T, args ...string) string {
	t.Helper()
	exit, d := b.ask(t, args...)
	if exit != 1 {
		t.Fatalf("exit code %d, want 1: %v", exit, d)
	}
	equal(t, d, document{"outcome": "failed"})
	return d.text("error")
}

func TestS01ALostAnswerOfCreateStackLeavesOneStack(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.order(t, aws.Fault{
		Service: "cloudformation", Action: "CreateStack", Contains: "StackName=shop-lost", When: aws.After, Drop: true,
		Count: 1,
	})
	b.repo.commit(t, "lost", map[string]string{"a.txt": "1"})
	equal(t, b.must(t, "up", "lost"), document{"outcome": "ready", "created": true, "seeded": true})
	if all := b.stacks(t, "shop-lost"); len(all) != 1 || all[0].StackStatus != "CREATE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
}

func TestS03AFailedResourceIsNamedAndTheNextUpRepairsIt(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.order(t, aws.Fault{
		Stack: "shop-broken", Type: "AWS::RDS::DBInstance", Phase: "create",
		Reason: "There are no db.t4g.micro machines left", Count: 1,
	})
	b.repo.commit(t, "broken", map[string]string{"a.txt": "1"})
	contains(
		t, b.failed(t, "up", "broken"), "the creation of stack shop-broken ended in", "Database",
		"There are no db.t4g.micro machines left",
	)
	equal(t, b.must(t, "status", "broken"), document{"phase": "failed"})
	equal(t, b.must(t, "up", "broken"), document{"outcome": "ready", "created": true, "seeded": true, "error": ""})
	all := b.stacks(t, "shop-broken")
	if len(all) != 2 || all[0].StackStatus != "DELETE_COMPLETE" || all[1].StackStatus != "CREATE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
}

func TestS11AFailedUpdateLeavesTheOldCommitServing(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	old := b.repo.commit(t, "steady", map[string]string{"a.txt": "1"})
	b.must(t, "up", "steady")
	b.order(t, aws.Fault{
		Stack: "shop-steady", Type: "AWS::ElasticBeanstalk::Environment", Phase: "update",
		Reason: "The instances did not pass their health checks", Count: 1,
	})
	newer := b.repo.commit(t, "steady", map[string]string{"a.txt": "2"})
	contains(
		t, b.failed(t, "up", "steady"), "the update of stack shop-steady ended in UPDATE_ROLLBACK_COMPLETE",
		"The instances did not pass their health checks",
	)
	equal(
		t, b.must(t, "status", "steady"),
		document{"status": "UPDATE_ROLLBACK_COMPLETE", "commit": old, "phase": "failed"},
	)
	status, page := b.page(t, "steady")
	if status != 200 {
		t.Errorf("the page answers %d", status)
	}
	contains(t, page, old)
	equal(t, b.must(t, "up", "steady"), document{"outcome": "ready", "commit": newer, "created": false})
}

func TestS69ADenialNamesTheActionThatTheRoleLacks(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	lift := b.order(t, aws.Fault{
		Service: "cloudformation", Action: "CreateStack", Contains: "StackName=shop-denied", Status: 403,
		Code: "AccessDenied",
		Message: "User: arn:aws:sts::000000000000:assumed-role/perch/worker is not authorized to perform: " +
			"cloudformation:CreateStack",
	})
	b.repo.commit(t, "denied", map[string]string{"a.txt": "1"})
	contains(
		t, b.failed(t, "up", "denied"), "create stack shop-denied",
		"the worker's role lacks cloudformation:CreateStack", "give it this permission and try again",
	)
	if calls := b.changes("shop-denied"); len(calls) != 1 {
		t.Errorf("a denial was tried %d times", len(calls))
	}
	lift()
	equal(t, b.must(t, "up", "denied"), document{"outcome": "ready", "created": true, "error": ""})
}

func TestS30AThrottledCreateStackIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.order(t, aws.Fault{
		Service: "cloudformation", Action: "CreateStack", Contains: "StackName=shop-throttled", Code: "Throttling",
		Message: "Rate exceeded", Count: 2,
	})
	b.repo.commit(t, "throttled", map[string]string{"perch.yaml": bare("shop")})
	equal(t, b.must(t, "up", "throttled"), document{"outcome": "ready", "created": true})
	if all := b.stacks(t, "shop-throttled"); len(all) != 1 {
		t.Errorf("stacks: %v", all)
	}
}

func TestS70AFailedSeedStepKeepsTheEnvironmentAndTheNextUpSeeds(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "hungry", map[string]string{"perch.yaml": bare("shop",
		"  buckets: {assets: {}, media: {}}", "seed:", "  - s3: {from: fixtures/media, to: media}",
		"  - s3: {from: fixtures/missing, to: assets}")})
	contains(
		t, b.failed(t, "up", "hungry"), `seed step from "fixtures/missing"`, "has no files there",
		"correct `from` in perch.yaml or commit the folder",
	)
	equal(t, b.must(t, "status", "hungry"), document{"status": "CREATE_COMPLETE", "phase": "failed"})

	b.repo.commit(t, "hungry", map[string]string{"fixtures/missing/late.csv": "1", "fixtures/media/later.csv": "2"})
	equal(t, b.must(t, "up", "hungry"), document{"outcome": "ready", "created": false, "seeded": true, "error": ""})
	_, page := b.page(t, "hungry")
	contains(t, page, "late.csv", "catalogue.csv")
	if strings.Contains(page, "later.csv") {
		t.Error("the step that was done is done again")
	}
	equal(t, b.must(t, "up", "hungry"), document{"outcome": "ready", "seeded": false})
}

func TestS21ABucketThatIsRefilledWhileItIsDeletedIsEmptiedAgain(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "refilled", map[string]string{"a.txt": "1"})
	b.must(t, "up", "refilled")
	b.order(t, aws.Fault{Stack: "shop-refilled", Refill: true, Count: 1})
	equal(t, b.must(t, "down", "refilled"), document{"outcome": "gone", "leftovers": []any{}})
	b.deletedInTurn(t, b.onlyStack(t, "shop-refilled"), 2)
}

// aged creates a branch whose environment's bucket has collected objects over time.
func (b *bench) aged(t *testing.T, branch string, objects int) (bucket string) {
	t.Helper()
	b.repo.commit(t, branch, map[string]string{"perch.yaml": bare("shop", "  buckets: {assets: {versioned: true}}")})
	b.must(t, "up", branch)
	bucket = b.resource(t, b.stackOf(t, branch), "BucketAssets")
	client := b.storage()
	for i := range objects {
		key := fmt.Sprintf("media/%03d", i)
		if _, err := client.PutObject(
			t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(key)},
		); err != nil {
			t.Fatal(err)
		}
	}
	return bucket
}

func TestS32StaleReadsMakeNoSecondStackAndHideNone(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newProject(t, "stale", map[string]string{"perch.yaml": bare("stale")}, func(*perch.Policy) {})
	lift := b.order(t, aws.Fault{Stale: 1, Contains: "stale-unseen"})
	b.repo.commit(t, "unseen", map[string]string{"a.txt": "1"})
	equal(t, b.must(t, "up", "unseen"), document{"outcome": "ready", "created": true})
	newest := b.repo.commit(t, "unseen", map[string]string{"a.txt": "2"})
	equal(t, b.must(t, "up", "unseen"), document{"outcome": "ready", "created": false, "commit": newest})
	equal(t, b.must(t, "down", "unseen"), document{"outcome": "gone"})
	lift()

	b.order(t, aws.Fault{Stale: 5, Contains: "stale-hasty"})
	b.order(t, aws.Fault{Stack: "stale-hasty", Phase: "create", Type: "AWS::ElasticBeanstalk::Environment", Hang: true})
	b.repo.commit(t, "hasty", map[string]string{"a.txt": "1"})
	up := b.begin(t, "up", "hasty")
	b.awaitStack(t, "stale-hasty", "CREATE_IN_PROGRESS")
	equal(t, b.must(t, "down", "hasty"), document{"outcome": "gone"})
	if exit, d := up(); exit != 0 || d.text("superseded_by") != "removal" {
		t.Errorf("up ended with exit code %d: %v", exit, d)
	}
	if all := b.stacks(t, "stale-unseen"); len(all) != 1 || all[0].StackStatus != "DELETE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
}

func TestS36KeysThatFailInPassingHoldUpNoRemoval(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	bucket := b.aged(t, "passing", 20)
	b.order(t, aws.Fault{
		Key: "media/00", Contains: bucket, Code: "SlowDown", Message: "Please reduce your request rate.", Count: 15,
	})
	b.order(t, aws.Fault{
		Key: "media/01", Contains: bucket, Code: "InternalError",
		Message: "We encountered an internal error. Please try again.", Count: 5,
	})
	down := b.must(t, "down", "passing")
	equal(t, down, document{"outcome": "gone", "leftovers": []any{}})
	if removed := down.at("removed", "objects"); removed != 20.0 {
		t.Errorf("%v objects were removed, want 20", removed)
	}
}

func TestS37KeysThatOnlyAPersonCanFreeAreNamed(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	bucket := b.aged(t, "locked", 3)
	lift := b.order(t, aws.Fault{
		Key: "media/001", Contains: bucket, Code: "AccessDenied",
		Message: "Access Denied because object protected by object lock.",
	})
	contains(
		t, b.failed(t, "down", "locked"), bucket, `"media/001"`, "object protected by object lock", "lift the lock",
	)
	if all := b.stacks(t, "shop-locked"); len(all) != 1 || all[0].StackStatus != "DELETE_FAILED" {
		t.Errorf("stacks: %v", all)
	}
	lift()
	equal(t, b.must(t, "down", "locked"), document{"outcome": "gone"})
}

func TestS55CredentialsThatExpireInTheMiddleAreWaitedFor(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	for _, action := range []string{"CreateStack", "DescribeStacks", "DescribeStackEvents"} {
		b.order(t, aws.Fault{
			Service: "cloudformation", Action: action, Contains: "shop-expiring", Status: 403, Code: "ExpiredToken",
			Message: "The security token included in the request is expired", Count: 2,
		})
	}
	b.repo.commit(t, "expiring", map[string]string{"perch.yaml": bare("shop")})
	equal(t, b.must(t, "up", "expiring"), document{"outcome": "ready", "created": true})
	if all := b.stacks(t, "shop-expiring"); len(all) != 1 {
		t.Errorf("stacks: %v", all)
	}
}

func TestS54AnEnvironmentThatWasTerminatedByHandIsRecreatedOnRequestOnly(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "drifted", map[string]string{"perch.yaml": bare("shop")})
	b.must(t, "up", "drifted")
	name := b.resource(t, "shop-drifted", "Environment")
	if _, err := elasticbeanstalk.NewFromConfig(b.awsConfig()).TerminateEnvironment(
		t.Context(), &elasticbeanstalk.TerminateEnvironmentInput{EnvironmentName: &name},
	); err != nil {
		t.Fatal(err)
	}
	b.repo.commit(t, "drifted", map[string]string{"a.txt": "1"})
	contains(
		t, b.failed(t, "up", "drifted"), "the update of stack shop-drifted ended in UPDATE_ROLLBACK_FAILED",
		"Environment", "not found", "deleted outside of CloudFormation",
	)
	newest := b.repo.commit(t, "drifted", map[string]string{"a.txt": "2"})
	for range 2 {
		contains(t, b.failed(
			t, "up", "drifted",
		), "stack shop-drifted is UPDATE_ROLLBACK_FAILED", "not found", "deleted outside of CloudFormation",
			"`perch up --recreate drifted` deletes the stack, its database and everything in its buckets")
	}
	if all := b.stacks(t, "shop-drifted"); len(all) != 1 {
		t.Fatalf("stacks: %v", all)
	}
	equal(t, b.must(t, "up", "drifted", "--recreate"), document{"outcome": "ready", "created": true, "commit": newest})
	all := b.stacks(t, "shop-drifted")
	if len(all) != 2 || all[0].StackStatus != "DELETE_COMPLETE" || all[1].StackStatus != "CREATE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
}
