package run

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/client"

	"perch"
	"perch/activities/activitytest"
	"perch/sandbox/aws"
)

// newSweep returns a separate project whose cleanup has this grace period, with an environment for
// each branch.
func newSweep(t *testing.T, name string, grace time.Duration, branches ...string) *bench {
	t.Helper()
	b := sharedSandbox(t).newProject(
		t, name, map[string]string{"perch.yaml": bare(name)}, func(p *perch.Policy) { p.Cleanup.Grace = grace },
	)
	var ups []func() (int, document)
	for _, branch := range branches {
		b.repo.commit(t, branch, map[string]string{"a.txt": branch})
		ups = append(ups, b.begin(t, "up", branch))
	}
	for _, up := range ups {
		if exit, d := up(); exit != 0 {
			t.Fatalf("up: exit code %d: %v", exit, d)
		}
	}
	return b
}

// drop deletes branches, as `git branch -D` does.
func (r repo) drop(t *testing.T, branches ...string) {
	t.Helper()
	for _, branch := range branches {
		if err := r.open(t).Storer.RemoveReference(plumbing.NewBranchReferenceName(branch)); err != nil {
			t.Fatal(err)
		}
	}
}

// point creates a branch at commit.
func (r repo) point(t *testing.T, branch, commit string) {
	t.Helper()
	reference := plumbing.NewHashReference(plumbing.NewBranchReferenceName(branch), plumbing.NewHash(commit))
	if err := r.open(t).Storer.SetReference(reference); err != nil {
		t.Fatal(err)
	}
}

// verdicts returns a cleanup's verdicts, by branch.
func (d document) verdicts() map[string]string {
	all := map[string]string{}
	rows, _ := d["verdicts"].([]any)
	for _, row := range rows {
		object, _ := row.(map[string]any)
		all[document(object).text("branch")] = document(object).text("verdict") + ": " + document(object).text("reason")
	}
	return all
}

func wantVerdicts(t *testing.T, d document, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, d.verdicts()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

// deployed returns the commit of each existing environment, by branch.
func (b *bench) deployed(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, environment := range b.environments(t) {
		all[environment.text("branch")] = environment.text("commit")
	}
	return all
}

func TestCleanupRemovesTheEnvironmentOfADeletedBranch(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "tidy", 100*time.Millisecond, "tidy-stays", "tidy-typo")
	b.repo.drop(t, "tidy-typo")
	want := map[string]string{"tidy-stays": "keep: the branch exists", "tidy-typo": "remove: branch missing"}
	dry := b.must(t, "cleanup", "--dry-run")
	wantVerdicts(t, dry, want)
	equal(t, dry, document{"removed": []any{}, "pending": []any{}, "failed": []any{}, "brake": nil})
	if len(b.deployed(t)) != 2 || len(b.changes("tidy-tidy-typo")) != 1 {
		t.Errorf("the dry run changed something: %v", b.changes("tidy-tidy-typo"))
	}
	swept := b.must(t, "cleanup")
	if diff := cmp.Diff(keys("verdicts", "removed", "pending", "failed", "brake", "other_repositories", "expiry",
		"expiry.at", "expiry.verdicts", "expiry.saved_usd_per_day"), swept.keys()); diff != "" {
		t.Errorf("keys of cleanup (-want +got):\n%s", diff)
	}
	wantVerdicts(t, swept, want)
	equal(t, swept, document{"removed": []any{"tidy-tidy-typo"}, "pending": []any{}, "failed": []any{}, "brake": nil})
	if all := b.stacks(t, "tidy-tidy-typo"); len(all) != 1 || all[0].StackStatus != "DELETE_COMPLETE" {
		t.Errorf("stacks: %v", all)
	}
	wantVerdicts(t, b.must(t, "cleanup"), map[string]string{"tidy-stays": "keep: the branch exists"})
}

func TestS18APushDuringTheGracePeriodKeepsTheEnvironmentAndItsData(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "regret", time.Hour, "regret-topic")
	b.repo.drop(t, "regret-topic")
	equal(
		t, b.must(t, "cleanup"),
		document{"removed": []any{}, "pending": []any{"regret-regret-topic"}, "failed": []any{}},
	)
	commit := b.repo.commit(t, "regret-topic", map[string]string{"a.txt": "again"})
	equal(t, b.must(t, "up", "regret-topic"), document{"outcome": "ready", "created": false, "commit": commit})
	if changes := b.changes("regret-regret-topic"); strings.Contains(strings.Join(changes, " "), "Delete") {
		t.Errorf("calls: %v", changes)
	}
	wantVerdicts(t, b.must(t, "cleanup"), map[string]string{"regret-topic": "keep: the branch exists"})
}

func TestS18ARemovalThatWasJudgedBeforeAPushIsDropped(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "belated", time.Hour, "belated-topic")
	stack := b.stacks(t, "belated-belated-topic")[0]
	late := perch.Request{
		ID: "late", Goal: perch.GoalGone, Project: "belated", Branch: "belated-topic", By: "cleanup",
		Judged: &perch.Judgement{
			StackID: *stack.StackId, Commit: b.repo.head(t, "belated-topic"), At: time.Now(), Until: time.Now(),
		},
	}
	c := b.connect(t)
	execution, err := c.SignalWithStartWorkflow(t.Context(), "belated-belated-topic", perch.SignalRequest, late,
		client.StartWorkflowOptions{TaskQueue: perch.TaskQueue("belated")}, perch.WorkflowTeardown,
		perch.RunInput{Environment: activitytest.Environment("belated", "belated-topic")})
	if err != nil {
		t.Fatal(err)
	}
	var result perch.Result
	if err := execution.Get(
		t.Context(), &result,
	); err != nil || result.Outcome != perch.OutcomeKept || result.Reason != "branch belated-topic exists again" {
		t.Errorf("result %+v, %v", result, err)
	}
	if changes := b.changes("belated-belated-topic"); len(changes) != 1 {
		t.Errorf("calls: %v", changes)
	}
}

func TestADownDuringTheGracePeriodRemovesAtOnce(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "hasty", time.Hour, "hasty-topic")
	b.repo.drop(t, "hasty-topic")
	b.must(t, "cleanup", "--no-wait")
	equal(t, b.must(t, "down", "hasty-topic"), document{"outcome": "gone", "error": ""})
}

func TestCleanupNowEndsTheGracePeriodOfAnEarlierOne(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "abrupt", time.Hour, "abrupt-topic")
	b.repo.drop(t, "abrupt-topic")
	equal(t, b.must(t, "cleanup"), document{"pending": []any{"abrupt-abrupt-topic"}})
	equal(t, b.must(t, "cleanup"), document{"pending": []any{"abrupt-abrupt-topic"}})
	equal(t, b.must(t, "cleanup", "--now"), document{"removed": []any{"abrupt-abrupt-topic"}, "pending": []any{}})
}

func TestTheSafetyLimitStopsThePlanUntilItIsApproved(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "braked", 100*time.Millisecond, "braked-one", "braked-two", "braked-three")
	b.repo.drop(t, "braked-one", "braked-two", "braked-three")
	exit, d := b.ask(t, "cleanup")
	if exit != 4 || d.at("brake", "removals") != 3.0 || d.at("brake", "limit") != 2.0 || len(b.deployed(t)) != 3 {
		t.Errorf("exit code %d: %v", exit, d)
	}
	hash := d.text("brake", "hash")
	b.repo.commit(t, "braked-one", map[string]string{"a.txt": "braked-one"})
	if exit, d := b.ask(t, "cleanup", "approve", hash); exit != 4 ||
		!strings.Contains(d.text("brake", "reason"), "plan "+hash+" was approved") || len(b.deployed(t)) != 3 {
		t.Errorf("another plan than the approved one: exit code %d: %v", exit, d)
	}
	b.repo.drop(t, "braked-one")
	approved := b.must(t, "cleanup", "approve", hash)
	if removed, _ := approved["removed"].([]any); len(removed) != 3 || approved["brake"] != nil ||
		len(b.deployed(t)) != 0 {
		t.Errorf("approved: %v", approved)
	}
}

func TestS45AnEmptyListingHoldsEverything(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "emptied", 100*time.Millisecond, "emptied-topic")
	b.repo.drop(t, "emptied-topic", "main")
	for _, args := range [][]string{{"cleanup"}, {"cleanup", "--dry-run"}, {"cleanup", "--now"}} {
		exit, d := b.ask(t, args...)
		if exit != 1 {
			t.Errorf("%v: exit code %d", args, exit)
		}
		wantVerdicts(t, d, map[string]string{"emptied-topic": "hold: the listing of branches is empty"})
	}
	if len(b.changes("emptied-emptied-topic")) != 1 {
		t.Errorf("calls: %v", b.changes("emptied-emptied-topic"))
	}
}

func TestARemovalThatFailedIsReportedUntilItIsDone(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "stubborn", 100*time.Millisecond, "stubborn-topic")
	b.repo.drop(t, "stubborn-topic")
	lift := b.order(t, aws.Fault{
		Service: "cloudformation", Action: "DeleteStack", Contains: "stubborn-stubborn-topic", Status: 403,
		Code: "AccessDenied", Message: "not authorized to perform: cloudformation:DeleteStack",
	})
	for _, args := range [][]string{{"cleanup"}, {"cleanup", "--no-wait"}} {
		exit, d := b.ask(t, args...)
		failed, _ := d["failed"].([]any)
		if exit != 1 || len(failed) != 1 || !strings.Contains(fmt.Sprint(failed[0]), "cloudformation:DeleteStack") ||
			!strings.Contains(fmt.Sprint(failed[0]), "stubborn-stubborn-topic") {
			t.Errorf("%v: exit code %d: %v", args, exit, d)
		}
	}
	lift()
	// The removal that the second cleanup did not wait for may be done before the third one looks.
	equal(t, b.must(t, "cleanup"), document{"failed": []any{}})
	eventually(t, "the environment is removed", func() (any, bool) {
		deployed := b.deployed(t)
		return deployed, len(deployed) == 0
	})
}

func TestS73TheScheduleIsEnsuredOnce(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newRepository(t, "timed", map[string]string{"perch.yaml": bare("timed")})
	equal(t, b.must(t, "schedule", "ensure"), document{"id": "timed:cleanup", "every": "1h0m0s", "paused": false})
	b.must(t, "schedule", "pause", "--note", "holiday")
	equal(t, b.must(t, "schedule", "ensure"), document{"every": "1h0m0s", "paused": true, "note": "holiday"})
	equal(
		t, b.must(t, "schedule", "ensure", "--every", "2h"),
		document{"every": "2h0m0s", "paused": true, "note": "holiday"},
	)
	equal(t, b.must(t, "schedule", "resume"), document{"every": "2h0m0s", "paused": false})
	if out := b.starter(t.Context(), "schedule", "delete"); out.exit != 0 {
		t.Errorf("delete: %s", out.stderr)
	}
	if out := b.starter(
		t.Context(), "schedule", "show",
	); out.exit != 1 || !strings.Contains(out.stderr, "`perch schedule ensure` makes it") {
		t.Errorf("show: exit code %d: %s", out.exit, out.stderr)
	}
}

func TestS74ARunThatIsStillWorkingSkipsTheNextVisibly(t *testing.T) {
	t.Parallel()
	// No worker takes its runs.
	b := sharedSandbox(t).newRepository(t, "slow", map[string]string{"perch.yaml": bare("slow")})
	b.must(t, "schedule", "ensure", "--every", "1s")
	t.Cleanup(func() { b.starter(context.Background(), "schedule", "delete") })
	eventually(t, "a run is skipped", func() (any, bool) {
		d := b.must(t, "schedule", "show")
		skipped, _ := d["skipped"].(float64)
		return d, skipped > 0 && d["runs"] == 1.0
	})
}

// TestNoEnvironmentOfALiveBranchIsLostToCleanup deletes branches, cleans up and pushes them again,
// concurrently and in any order.
func TestNoEnvironmentOfALiveBranchIsLostToCleanup(t *testing.T) {
	t.Parallel()
	b := newSweep(t, "racing", time.Millisecond, "racing-one", "racing-two", "racing-three")
	const rounds = 3
	var group sync.WaitGroup
	want := map[string]string{}
	var writing sync.Mutex
	for _, branch := range []string{"racing-one", "racing-two", "racing-three"} {
		group.Go(func() {
			for round := range rounds {
				writing.Lock()
				b.repo.drop(t, branch)
				writing.Unlock()
				sweep := b.begin(t, "cleanup", "--now")
				writing.Lock()
				want[branch] = b.repo.commit(t, branch, map[string]string{"a.txt": fmt.Sprint(branch, round)})
				commit := want[branch]
				writing.Unlock()
				if exit, d := b.ask(
					t, "up", branch,
				); exit != 0 || d.text("outcome") != "ready" || d.text("commit") != commit {
					t.Errorf("up %s: exit code %d: %v", branch, exit, d)
				}
				if exit, d := sweep(); exit != 0 && exit != 4 {
					t.Errorf("cleanup: exit code %d: %v", exit, d)
				}
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff(want, b.deployed(t)); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
}
