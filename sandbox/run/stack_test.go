package run

import (
	"fmt"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/sandbox/aws"
)

// theirs is a template that another tool might have used with our stack's name.
const theirs = `{"Resources": {"Theirs": {"Type": "AWS::S3::Bucket"}}}`

// tags returns the tags of the environment's stack.
func (b *bench) tags(t *testing.T, branch string) []types.Tag {
	t.Helper()
	environment, err := perch.NewEnvironment(b.project, branch)
	if err != nil {
		t.Fatal(err)
	}
	var list []types.Tag
	for key, value := range environment.Tags(perch.Identity{Names: []string{b.repository}}, perch.KindBranch) {
		list = append(list, types.Tag{Key: &key, Value: &value})
	}
	return list
}

// TestS04S05UpRecreatesAStackThatWasNeverReady has S04, ROLLBACK_FAILED, and S05, CREATE_FAILED.
func TestS04S05UpRecreatesAStackThatWasNeverReady(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	create := func(t *testing.T, stack, branch string, onFailure types.OnFailure) {
		t.Helper()
		b.order(
			t, aws.Fault{Stack: stack, LogicalID: "Theirs", Phase: "create", When: aws.After, Reason: "no", Count: 1},
		)
		if _, err := b.formation().CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: &stack, TemplateBody: awssdk.String(theirs), Tags: b.tags(t, branch), OnFailure: onFailure,
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		branch, status string
		leave          func(t *testing.T, stack, branch string)
	}{
		{"unrolled", "ROLLBACK_FAILED", func(t *testing.T, stack, branch string) {
			b.order(t, aws.Fault{Stack: stack, LogicalID: "Theirs", Phase: "delete", Reason: "not now", Count: 1})
			create(t, stack, branch, types.OnFailureRollback)
		}},
		{
			"halted", "CREATE_FAILED",
			func(t *testing.T, stack, branch string) { create(t, stack, branch, types.OnFailureDoNothing) },
		},
	} {
		t.Run(c.status, func(t *testing.T) {
			stack := "shop-" + c.branch
			c.leave(t, stack, c.branch)
			b.awaitStack(t, stack, c.status)
			b.repo.commit(t, c.branch, map[string]string{"perch.yaml": bare("shop")})
			equal(t, b.must(t, "up", c.branch), document{"outcome": "ready", "created": true})
			if all := b.stacks(t, stack); all[len(all)-1].StackStatus != types.StackStatusCreateComplete {
				t.Errorf("stacks: %v", all)
			}
		})
	}
}

// propose leaves a stack in REVIEW_IN_PROGRESS.
func (b *bench) propose(t *testing.T, stack, changeSet string, tags []types.Tag) {
	t.Helper()
	if _, err := b.formation().CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: &stack, ChangeSetName: &changeSet, ChangeSetType: types.ChangeSetTypeCreate,
		TemplateBody: awssdk.String(theirs), Tags: tags,
	}); err != nil {
		t.Fatal(err)
	}
	b.awaitStack(t, stack, "REVIEW_IN_PROGRESS")
}

func TestS06AStackProposedByPerchsChangeSetIsRecreated(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.propose(t, "shop-intended", "first", b.tags(t, "intended"))
	b.propose(t, "shop-intended", "second", b.tags(t, "intended"))
	b.repo.commit(t, "intended", map[string]string{"perch.yaml": bare("shop")})
	equal(t, b.must(t, "up", "intended"), document{"outcome": "ready", "created": true})
	all := b.stacks(t, "shop-intended")
	if len(all) != 2 || all[0].StackStatus != "DELETE_COMPLETE" || all[1].StackStatus != "CREATE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
	b.propose(t, "shop-meant", "only", b.tags(t, "meant"))
	equal(t, b.must(t, "down", "meant"), document{"outcome": "gone"})
}

func TestS06AStackProposedByAnotherChangeSetIsNotChanged(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.propose(t, "shop-disputed", "ours", b.tags(t, "disputed"))
	b.propose(t, "shop-disputed", "theirs", nil)
	if exit, answer := b.ask(
		t, "down", "disputed",
	); exit != 4 || !strings.Contains(answer.text("error"), "did not change it") {
		t.Errorf("exit code %d: %v", exit, answer)
	}
	b.propose(t, "shop-proposed", "proposal", nil)
	b.repo.commit(t, "proposed", map[string]string{"perch.yaml": bare("shop")})
	for _, command := range []string{"up", "down"} {
		exit, answer := b.ask(t, command, "proposed")
		if exit != 4 {
			t.Errorf("%s ended with exit code %d, want 4", command, exit)
		}
		contains(t, answer.text("error"), "stack shop-proposed", "did not change it")
	}
	b.awaitStack(t, "shop-proposed", "REVIEW_IN_PROGRESS")
}

// hold holds the next update of the branch's Beanstalk environment. The stack must exist.
func (b *bench) hold(t *testing.T, stack string) (lift func()) {
	t.Helper()
	return b.order(
		t, aws.Fault{Stack: stack, Type: "AWS::ElasticBeanstalk::Environment", Phase: "update", Hang: true, Count: 1},
	)
}

func TestS08PushesWhileTheStackIsUpdatedEndInOneMoreUpdate(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "lively", map[string]string{"perch.yaml": bare("shop")})
	b.must(t, "up", "lively")
	lift := b.hold(t, "shop-lively")
	b.repo.commit(t, "lively", map[string]string{"a.txt": "1"})
	first := b.begin(t, "up", "lively")
	b.awaitStack(t, "shop-lively", "UPDATE_IN_PROGRESS")
	b.repo.commit(t, "lively", map[string]string{"a.txt": "2"})
	b.must(t, "up", "lively", "--no-wait")
	newest := b.repo.commit(t, "lively", map[string]string{"a.txt": "3"})
	b.must(t, "up", "lively", "--no-wait")
	lift()
	if exit, d := first(); exit != 0 || d.text("superseded_by") != newest {
		t.Errorf("exit code %d: %v", exit, d)
	}
	equal(t, b.must(t, "up", "lively"), document{"outcome": "ready", "commit": newest})
	if diff := cmp.Diff([]string{"CreateStack", "UpdateStack", "UpdateStack"}, b.changes("shop-lively")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS09FiftyPushesInAMinuteAreTwoUpdatesAtMost(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "hectic", map[string]string{"perch.yaml": bare("shop")})
	b.must(t, "up", "hectic")
	lift := b.hold(t, "shop-hectic")
	var newest string
	for i := range 50 {
		newest = b.repo.commit(t, "hectic", map[string]string{"a.txt": fmt.Sprint(i)})
		b.must(t, "up", "hectic", "--no-wait")
		if i == 0 {
			b.awaitStack(t, "shop-hectic", "UPDATE_IN_PROGRESS")
		}
	}
	lift()
	equal(t, b.must(t, "up", "hectic"), document{"outcome": "ready", "commit": newest})
	if diff := cmp.Diff([]string{"CreateStack", "UpdateStack", "UpdateStack"}, b.changes("shop-hectic")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS15ABranchDeletedWhileItsStackIsUpdatedIsGone(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "fleeting", map[string]string{"perch.yaml": bare("shop")})
	b.must(t, "up", "fleeting")
	b.hold(t, "shop-fleeting")
	b.repo.commit(t, "fleeting", map[string]string{"a.txt": "1"})
	up := b.begin(t, "up", "fleeting")
	b.awaitStack(t, "shop-fleeting", "UPDATE_IN_PROGRESS")
	equal(t, b.must(t, "down", "fleeting"), document{"outcome": "gone", "error": ""})
	if exit, d := up(); exit != 0 || d.text("superseded_by") != "removal" {
		t.Errorf("exit code %d: %v", exit, d)
	}
	if diff := cmp.Diff(
		[]string{"CreateStack", "UpdateStack", "CancelUpdateStack", "DeleteStack"}, b.changes("shop-fleeting"),
	); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS16ABranchDeletedWhileItsUpdateCleansUpIsGone(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "tidy", map[string]string{"perch.yaml": bare("shop", "  buckets: {assets: {}, spare: {}}")})
	b.must(t, "up", "tidy")
	lift := b.order(t, aws.Fault{Stack: "shop-tidy", Type: "AWS::S3::Bucket", Phase: "delete", Hang: true, Count: 1})
	b.repo.commit(t, "tidy", map[string]string{"perch.yaml": bare("shop", "  buckets: {assets: {}}")})
	up := b.begin(t, "up", "tidy")
	b.awaitStack(t, "shop-tidy", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
	down := b.begin(t, "down", "tidy")
	b.awaitRequests(t, "shop-tidy", 1)
	lift()
	if exit, d := down(); exit != 0 || d.text("outcome") != "gone" {
		t.Errorf("down ended with exit code %d: %v", exit, d)
	}
	if exit, d := up(); exit != 0 {
		t.Errorf("up ended with exit code %d: %v", exit, d)
	}
}

func TestS20ADeletionThatAnotherUserBeganIsAwaited(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "parting", map[string]string{"perch.yaml": bare("shop")})
	b.must(t, "up", "parting")
	lift := b.order(t, aws.Fault{
		Stack: "shop-parting", Type: "AWS::ElasticBeanstalk::Environment", Phase: "delete", Hang: true, Count: 1,
	})
	if _, err := b.formation().DeleteStack(
		t.Context(), &cloudformation.DeleteStackInput{StackName: awssdk.String("shop-parting")},
	); err != nil {
		t.Fatal(err)
	}
	b.awaitStack(t, "shop-parting", "DELETE_IN_PROGRESS")
	down := b.begin(t, "down", "parting")
	eventually(t, "the teardown is removing", func() (any, bool) {
		phase := b.must(t, "status", "parting").text("phase")
		return phase, phase == "removing"
	})
	lift()
	if exit, d := down(); exit != 0 || d.text("outcome") != "gone" {
		t.Errorf("exit code %d: %v", exit, d)
	}
	if diff := cmp.Diff([]string{"CreateStack", "DeleteStack"}, b.changes("shop-parting")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS18AnOlderCommitThatComesLateIsSuperseded(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	older := b.repo.commit(t, "late", map[string]string{"perch.yaml": bare("shop")})
	head := b.repo.commit(t, "late", map[string]string{"a.txt": "1"})
	b.must(t, "up", "late")
	equal(
		t, b.must(t, "up", "late", "--commit", older),
		document{"outcome": "superseded", "superseded_by": head, "error": ""},
	)
	if diff := cmp.Diff([]string{"CreateStack"}, b.changes("shop-late")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestDownNeedsNoBranch(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "merged", map[string]string{"perch.yaml": bare("shop")})
	b.must(t, "up", "merged")
	b.repo.remove(t, "merged")
	equal(t, b.must(t, "down", "merged"), document{"outcome": "gone", "branch": "merged"})
}
