package run

import (
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws"
)

// downKeys are the keys that `down -o json` always has.
var downKeys = keys(
	"outcome",
	"branch",
	"stack",
	"removed",
	"removed.buckets",
	"removed.objects",
	"leftovers",
	"unconfirmed",
	"error",
	"run",
	"run.workflow_id",
	"run.run_id",
)

func TestDownRemovesAnEnvironment(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "leaves", map[string]string{"a.txt": "1"})
	b.must(t, "up", "leaves")
	down := b.must(t, "down", "leaves")
	if diff := cmp.Diff(downKeys, down.keys()); diff != "" {
		t.Errorf("keys of down (-want +got):\n%s", diff)
	}
	equal(
		t, down,
		document{"outcome": "gone", "branch": "leaves", "stack": "shop-leaves", "leftovers": []any{}, "error": ""},
	)
	if buckets, objects := down.at(
		"removed", "buckets",
	), down.at("removed", "objects"); buckets != 2.0 || objects != 3.0 {
		t.Errorf("removed %v buckets and %v objects, want 2 and the 3 seeded ones", buckets, objects)
	}
	for _, environment := range b.environments(t) {
		if environment.text("branch") == "leaves" {
			t.Errorf("ls still shows %v", environment)
		}
	}
	again := b.must(t, "down", "leaves")
	if diff := cmp.Diff(downKeys, again.keys()); diff != "" {
		t.Errorf("keys of down (-want +got):\n%s", diff)
	}
	equal(t, again, document{"outcome": "absent", "branch": "leaves", "error": ""})
}

func TestS14ABranchDeletedWhileItsStackIsCreatedIsGone(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.order(t, aws.Fault{Stack: "shop-brief", Phase: "create", Type: "AWS::RDS::DBInstance", Hang: true})
	b.repo.commit(t, "brief", map[string]string{"a.txt": "1"})
	up := b.begin(t, "up", "brief")
	b.awaitStack(t, "shop-brief", "CREATE_IN_PROGRESS")
	equal(t, b.must(t, "down", "brief"), document{"outcome": "gone", "error": ""})
	exit, d := up()
	if exit != 0 {
		t.Errorf("exit code %d", exit)
	}
	equal(t, d, document{"outcome": "superseded", "superseded_by": "removal"})
	if all := b.stacks(t, "shop-brief"); len(all) != 1 || all[0].StackStatus != "DELETE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
}

func TestS17ABranchThatComesBackWhileItIsDeletedGetsANewStack(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "returns", map[string]string{"a.txt": "1"})
	b.must(t, "up", "returns")
	lift := b.order(t, aws.Fault{Stack: "shop-returns", Phase: "delete", Type: "AWS::RDS::DBInstance", Hang: true})
	down := b.begin(t, "down", "returns")
	b.awaitStack(t, "shop-returns", "DELETE_IN_PROGRESS")
	commit := b.repo.commit(t, "returns", map[string]string{"a.txt": "2"})
	up := b.begin(t, "up", "returns")
	b.awaitRequests(t, "shop-returns", 2)
	lift()
	if exit, d := down(); exit != 0 ||
		(d.text("outcome") != "gone" && d.text("superseded_by") != commit && d.text("outcome") != "superseded") {
		t.Errorf("down ended with exit code %d: %v", exit, d)
	}
	exit, d := up()
	if exit != 0 {
		t.Errorf("up ended with exit code %d", exit)
	}
	equal(t, d, document{"outcome": "ready", "created": true, "seeded": true, "commit": commit})
	all := b.stacks(t, "shop-returns")
	if len(all) != 2 || all[0].StackStatus != "DELETE_COMPLETE" || all[1].StackStatus != "CREATE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
}

func TestS68TheDefaultBranchIsNeverRemoved(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	exit, down := b.ask(t, "down", "main")
	if exit != 4 {
		t.Errorf("exit code %d, want 4", exit)
	}
	if diff := cmp.Diff(downKeys, down.keys()); diff != "" {
		t.Errorf("keys of down (-want +got):\n%s", diff)
	}
	equal(t, down, document{"outcome": "rejected"})
	contains(t, down.text("error"), `branch "main" is the default branch`)
	if changes := b.changes("shop-main"); changes != nil {
		t.Errorf("calls that change: %v", changes)
	}
}

func TestS68AStagingEnvironmentIsNeverRemoved(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "staging", map[string]string{"a.txt": "1"})
	b.must(t, "up", "staging")
	exit, down := b.ask(t, "down", "staging")
	if exit != 4 {
		t.Errorf("exit code %d, want 4", exit)
	}
	equal(t, down, document{"outcome": "rejected"})
	contains(t, down.text("error"), "staging", "only", "branch")
	if diff := cmp.Diff([]string{"CreateStack"}, b.changes("shop-staging")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
	if status, _ := b.page(t, "staging"); status != 200 {
		t.Errorf("its page answers %d", status)
	}
}

func TestS26TerminationProtectionIsNotTurnedOff(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "guarded", map[string]string{"a.txt": "1"})
	b.must(t, "up", "guarded")
	b.protect(t, "shop-guarded", true)
	before := b.changes("shop-guarded")
	exit, down := b.ask(t, "down", "guarded")
	if exit != 4 {
		t.Errorf("exit code %d, want 4", exit)
	}
	equal(t, down, document{"outcome": "rejected"})
	contains(t, down.text("error"), "termination protection is on")
	if diff := cmp.Diff(before, b.changes("shop-guarded")); diff != "" {
		t.Errorf("calls that change (-before +after):\n%s", diff)
	}
	b.protect(t, "shop-guarded", false)
	equal(t, b.must(t, "down", "guarded"), document{"outcome": "gone"})
}

func TestADeploymentGoesOnWhereTheRemovalAboveItFailsBeforeItChangesAnything(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "unjudged", map[string]string{"a.txt": "1"})
	lift := b.order(t, aws.Fault{
		Service: "s3", Action: "PutObject", Contains: "shop-unjudged-", Status: 500, Code: "InternalError",
		Message: "not now",
	})
	up := b.begin(t, "up", "unjudged")
	b.awaitStack(t, "shop-unjudged", "CREATE_COMPLETE")
	b.awaitActivity(t, "shop-unjudged", "SeedData")
	b.order(t, aws.Fault{
		Service: "cloudformation", Action: "DescribeStacks", Contains: "StackName=shop-unjudged", Code: "AccessDenied",
		Message: "not authorized", Count: 2, // It fails both the check of the request and the run itself.
	})
	down := b.begin(t, "down", "unjudged")
	b.awaitRequests(t, "shop-unjudged", 2)
	lift()
	exit, failed := down()
	if exit != 1 {
		t.Errorf("exit code %d, want 1", exit)
	}
	equal(t, failed, document{"outcome": "failed"})
	contains(t, failed.text("error"), "describe stack shop-unjudged", "not authorized")
	if exit, deployed := up(); exit != 0 {
		t.Errorf("exit code %d: %v", exit, deployed)
	} else {
		equal(t, deployed, document{"outcome": "ready"})
	}
	if diff := cmp.Diff([]string{"CreateStack"}, b.changes("shop-unjudged")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS78AStackRemovedByHandIsCreatedAgain(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "byhand", map[string]string{"perch.yaml": bare("shop")})
	b.must(t, "up", "byhand")
	if _, err := b.formation().DeleteStack(
		t.Context(), &cloudformation.DeleteStackInput{StackName: awssdk.String("shop-byhand")},
	); err != nil {
		t.Fatal(err)
	}
	b.awaitStack(t, "shop-byhand", "DELETE_COMPLETE")
	for _, environment := range b.environments(t) {
		if environment.text("branch") == "byhand" {
			t.Errorf("ls still shows %v", environment)
		}
	}
	equal(t, b.must(t, "up", "byhand"), document{"outcome": "ready", "created": true})
}

// bare returns a perch.yaml without database, buckets and seed data, with lines added.
func bare(project string, lines ...string) string {
	head := []string{
		"project: " + project, "image: registry.example.com/" + project + ":{commit}",
		"defaults:", "  instance_type: t3.small", "  instances: {min: 1, max: 1}", "  load_balancer: shared",
		"  health_path: /",
	}
	return strings.Join(append(head, lines...), "\n") + "\n"
}

// environments returns what `ls` lists.
func (b *bench) environments(t *testing.T) []document {
	t.Helper()
	listed, _ := b.must(t, "ls")["environments"].([]any)
	var all []document
	for _, each := range listed {
		object, _ := each.(map[string]any)
		all = append(all, object)
	}
	return all
}
