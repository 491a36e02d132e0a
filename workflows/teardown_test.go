package workflows

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

func TestEnvironmentIsSeenToBeGone(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "new")
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone || result.Removed != (perch.Removed{Buckets: 1, Objects: 3}) {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit gone", "DescribeStack", "PrepareDeletion", "DeleteStack", "AwaitStack until deleting",
		"EmptyBucket assets", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "VerifyGone assets db",
	)
}

func TestNothingToRemoveIsAbsent(t *testing.T) {
	w := newWorld(t)
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeAbsent {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone", "DescribeStack", "VerifyGone")
}

func TestWhatMustNotGoIsRejected(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*contract.StackState)
		say    string
	}{
		"not ours": {
			func(s *contract.StackState) { s.Ours, s.Conflict = false, perch.Reject("it is not managed") },
			"it is not managed",
		},
		"termination protection": {func(s *contract.StackState) { s.Protected = true }, "termination protection is on"},
		"staging":                {func(s *contract.StackState) { s.Kind = perch.KindStaging }, "its kind is staging"},
		"production": {
			func(s *contract.StackState) { s.Kind = perch.KindProduction }, "its kind is production",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ours("CREATE_COMPLETE", "new")
			c.change(&w.stack)
			result, _, err := w.run(Teardown, gone())
			if err != nil || result.Outcome != perch.OutcomeRejected || !strings.Contains(result.Reason, c.say) {
				t.Errorf("result %+v, %v", result, err)
			}
			w.did("Admit gone", "DescribeStack")
		})
	}
}

func TestUpdateIsTurnedBackBeforeTheRemoval(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_IN_PROGRESS", "old")
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit gone", "DescribeStack", "PrepareDeletion", "CancelUpdate", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS",
		"DescribeStack", "PrepareDeletion", "DeleteStack", "AwaitStack until deleting", "EmptyBucket assets",
		"AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "VerifyGone assets db",
	)
}

func TestRemovalThatSomebodyBeganIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.ours("DELETE_IN_PROGRESS", "old")
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit gone", "DescribeStack", "PrepareDeletion", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack",
		"VerifyGone assets db",
	)
}

var (
	fullBucket = lifecycle.Failure{
		LogicalID: "Assets", Type: "AWS::S3::Bucket", PhysicalID: "assets",
		Reason: "The bucket you tried to delete is not empty",
	}
	usedGroup   = lifecycle.Failure{LogicalID: "Group", Type: "AWS::EC2::SecurityGroup", Reason: "DependencyViolation"}
	phantom     = lifecycle.Failure{LogicalID: "Topic", Type: "AWS::SNS::Topic", Reason: "HandlerErrorCode: NotFound"}
	lockedTable = lifecycle.Failure{
		LogicalID: "Database", Type: "AWS::RDS::DBInstance", Reason: "please disable deletion protection",
	}
)

// failing makes the first n deletions fail and leave failures behind.
func (w *world) failing(n int, failures ...lifecycle.Failure) {
	w.failures = failures
	for range n {
		w.ends = append(w.ends, contract.AwaitResult{Status: "DELETE_FAILED", Reason: lifecycle.Describe(failures)})
	}
}

func (w *world) deletions() (calls []string) {
	for _, did := range w.calls() {
		if strings.HasPrefix(did, "DeleteStack") {
			calls = append(calls, did)
		}
	}
	return calls
}

func TestS21RefilledBucketIsEmptiedAgain(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(1, fullBucket)
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit gone", "DescribeStack", "PrepareDeletion", "DeleteStack", "AwaitStack until deleting",
		"EmptyBucket assets", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "PrepareDeletion", "DiagnoseDeletion",
		"EmptyBucket assets", "DeleteStack", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "VerifyGone assets db",
	)
}

func TestS22BucketThatFillsForEverIsRetainedSweptAndReported(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(lifecycle.MaxDeletions-2, fullBucket)
	w.left = []string{"bucket assets"}
	_, _, err := w.run(Teardown, gone())
	if err == nil || !strings.Contains(err.Error(), "bucket assets") {
		t.Errorf("error %v", err)
	}
	calls := w.deletions()
	if len(calls) != lifecycle.MaxDeletions-1 || calls[len(calls)-1] != "DeleteStack Assets" ||
		calls[len(calls)-2] != "DeleteStack" {
		t.Errorf("deletions %q", calls)
	}
	if !strings.Contains(strings.Join(w.calls(), "\n"), "SweepResources Assets (AWS::S3::Bucket)") {
		t.Errorf("the bucket was not removed before the stack: %q", w.calls())
	}
}

func TestWhatASweptDatabaseHeldIsDeletedInTheSameRun(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(lifecycle.MaxDeletions-1, lifecycle.Failure{
		LogicalID: "Database", Type: "AWS::RDS::DBInstance", PhysicalID: "db", Reason: "Internal failure",
	})
	w.during["SweepResources"] = func() { w.failures = []lifecycle.Failure{usedGroup} }
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	if calls := w.deletions(); len(calls) != lifecycle.MaxDeletions ||
		!slices.Equal(calls[4:], []string{"DeleteStack Database", "DeleteStack"}) {
		t.Errorf("deletions %q", calls)
	}
}

func TestS232WhatAnUpdateLeftIsDeletedBeforeTheNextTry(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(1, usedGroup)
	w.dropped = []contract.Orphan{{Type: "AWS::RDS::DBInstance", PhysicalID: "db", StackID: stackID}}
	began := w.env.Now()
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	if !strings.Contains(strings.Join(w.calls(), "\n"), "SweepResources  (AWS::RDS::DBInstance)") ||
		len(w.deletions()) != 2 {
		t.Errorf("did %q", w.calls())
	}
	if waited := w.env.Now().Sub(began); waited >= time.Minute {
		t.Errorf("it waited for %s", waited)
	}
}

// TestS232WhatAnUpdateLeftGoesWithAStackThatAnUpDeletes has an `up` meet a stack whose deletion
// failed. It deletes that stack and creates another; nothing would look for what updates of the
// first one left until the next `down`.
func TestS232WhatAnUpdateLeftGoesWithAStackThatAnUpDeletes(t *testing.T) {
	w := newWorld(t)
	w.ours("DELETE_FAILED", "new")
	w.dropped = []contract.Orphan{{Type: typeBucket, PhysicalID: "dropped", StackID: stackID}}
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || !result.Created {
		t.Errorf("result %+v, %v", result, err)
	}
	swept := slices.Index(w.calls(), "EmptyBucket dropped")
	created := slices.IndexFunc(w.calls(), func(done string) bool { return strings.HasPrefix(done, "CreateStack") })
	if swept < 0 || created < swept {
		t.Errorf("did %q", w.calls())
	}
}

func TestForcedRunForcesAfterTheLastDeletion(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(20, fullBucket)
	forced := gone()
	forced.Force = true
	if _, _, err := w.run(Teardown, forced); err == nil {
		t.Error("a deletion that always fails ended well")
	}
	if calls := w.deletions(); !slices.Equal(
		calls[4:], []string{"DeleteStack Assets", "DeleteStack", "DeleteStack forced"},
	) {
		t.Errorf("deletions %q", calls)
	}
}

func TestS23WhatIsStillInUseGetsTime(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(2, usedGroup)
	began := w.env.Now()
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	if waited := w.env.Now().Sub(began); waited < 6*time.Minute {
		t.Errorf("waited %s, want a minute and then five", waited)
	}
}

func TestS24OnlyThePhantomIsRetained(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(1, phantom, fullBucket)
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	if calls := w.deletions(); len(calls) != 2 || calls[1] != "DeleteStack Topic" {
		t.Errorf("deletions %q", calls)
	}
}

func TestS27ProtectionEndsTheRunAndNothingIsForced(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(20, lockedTable)
	_, _, err := w.run(Teardown, gone())
	if err == nil || !strings.Contains(err.Error(), "disable deletion protection") {
		t.Errorf("error %v", err)
	}
	if calls := w.deletions(); len(calls) != 1 {
		t.Errorf("deletions %q", calls)
	}
}

func TestForcedRemovalGivesUpWhatOnlyAPersonCouldDelete(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(1, lockedTable)
	w.left = []string{"database db"}
	forced := gone()
	forced.Force = true
	_, _, err := w.run(Teardown, forced)
	if err == nil || !strings.Contains(err.Error(), "database db") {
		t.Errorf("error %v", err)
	}
	if calls := w.deletions(); len(calls) != 2 || calls[1] != "DeleteStack forced" {
		t.Errorf("deletions %q", calls)
	}
}

func TestForcedRemovalLeavesABucketBehindThatCannotBeEmptied(t *testing.T) {
	locked := temporal.NewNonRetryableApplicationError("bucket assets cannot be emptied", perch.ErrorDenied, nil)
	for name, c := range map[string]struct {
		force     bool
		want      string
		deletions int
	}{
		"forced":        {true, "this is still there: bucket assets", lifecycle.MaxDeletions - 1},
		"without force": {false, "bucket assets cannot be emptied", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ours("CREATE_COMPLETE", "new")
			w.fails = map[string]error{"EmptyBucket": locked}
			w.failing(lifecycle.MaxDeletions-2, fullBucket)
			w.left = []string{"bucket assets"}
			removal := gone()
			removal.Force = c.force
			if _, _, err := w.run(Teardown, removal); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
			if calls := w.deletions(); len(calls) != c.deletions {
				t.Errorf("deletions %q", calls)
			}
		})
	}
}

func TestForceIsForProtectedResourcesAndNeverForProtectedStacks(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.stack.Protected = true
	forced := gone()
	forced.Force = true
	result, _, err := w.run(Teardown, forced)
	if err != nil || result.Outcome != perch.OutcomeRejected || len(w.deletions()) > 0 {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestDeletionThatAlwaysFailsEndsWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.failing(20, usedGroup)
	_, _, err := w.run(Teardown, gone())
	if err == nil || !strings.Contains(err.Error(), "DependencyViolation") {
		t.Errorf("error %v", err)
	}
	if calls := w.deletions(); len(calls) != lifecycle.MaxDeletions {
		t.Errorf("deletions %q", calls)
	}
}

func TestLeftoversFailTheRun(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.left = []string{"database snapshot shop-login-final"}
	_, _, err := w.run(Teardown, gone())
	if err == nil || !strings.Contains(err.Error(), "database snapshot shop-login-final") {
		t.Errorf("error %v", err)
	}
}

func TestWhatTheTemplateKeepsIsALeftoverAndNoFailure(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.kept = []string{"AWS::S3::Bucket logs"}
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone || !slices.Equal(result.Leftovers, w.kept) {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestRemovalFinishesBeforeANewCreation(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.during["EmptyBucket"] = func() { w.ask(up(commitTwo)) }
	_, next, err := w.run(Teardown, gone())
	if err != nil || next == nil || next.Commit != commitTwo {
		t.Errorf("handed on %+v, %v", next, err)
	}
	if last := w.calls()[len(w.calls())-1]; !strings.HasPrefix(last, "VerifyGone") {
		t.Errorf("the removal stopped after %s", last)
	}
}

func TestS79ACanceledDeletionTouchesNoBucket(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.canceled = "Delete canceled. Cannot delete export shop-url as it is in use by shop-reports."
	_, _, err := w.run(Teardown, gone())
	if err == nil || !strings.Contains(err.Error(), w.canceled) ||
		!strings.Contains(err.Error(), "no bucket was touched") {
		t.Errorf("error %v", err)
	}
	w.did("Admit gone", "DescribeStack", "PrepareDeletion", "DeleteStack", "AwaitStack until deleting")
}

func TestS80WhatWouldRejectTheDeletionEndsTheRunBeforeIt(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.obstacle = "database db has deletion protection"
	_, _, err := w.run(Teardown, gone())
	if err == nil || !strings.Contains(err.Error(), w.obstacle+"; nothing was touched") {
		t.Errorf("error %v", err)
	}
	w.did("Admit gone", "DescribeStack", "PrepareDeletion")
}

func TestS80AnObstacleLetsTheDeploymentBelowGoOn(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_IN_PROGRESS", "")
	w.obstacle = "database db has deletion protection"
	removal, below := gone(), up(commitOne)
	_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal, Below: &below})
	if err != nil || next == nil || next.Request.Commit != commitOne || next.Ended == nil ||
		next.Ended.Rejection != nil {
		t.Errorf("handed on %+v, %v", next, err)
	}
	w.did("Admit gone", "DescribeStack", "PrepareDeletion")
}

func TestS87OrphansOfEarlierUpdatesAreEmptiedAndDeleted(t *testing.T) {
	for name, status := range map[string]string{"after a deletion": "CREATE_COMPLETE", "without a stack": ""} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if status != "" {
				w.ours(status, "new")
			}
			w.orphans = []contract.Orphan{{Type: typeBucket, PhysicalID: "dropped", StackID: stackID}}
			result, _, err := w.run(Teardown, gone())
			if err != nil || result.Outcome != perch.OutcomeGone {
				t.Errorf("result %+v, %v", result, err)
			}
			last := w.calls()[len(w.calls())-3:]
			if last[0] != "EmptyBucket dropped" || !strings.HasPrefix(last[1], "SweepResources") ||
				!strings.HasPrefix(last[2], "VerifyGone") {
				t.Errorf("the run ended with %q", last)
			}
		})
	}
}

func TestS232WhatDeletedStacksLeftIsDeletedOncePerStack(t *testing.T) {
	w := newWorld(t)
	w.snapshots = []string{"database snapshot dropped-final"}
	w.orphans = []contract.Orphan{
		{Type: "AWS::RDS::DBInstance", PhysicalID: "dropped", StackID: stackID},
		{Type: "AWS::EC2::SecurityGroup", PhysicalID: "sg-1", StackID: stackID},
		{Type: "AWS::EC2::SecurityGroup", PhysicalID: "sg-2", StackID: stackID + "-earlier"},
	}
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone || !slices.Equal(result.Leftovers, w.snapshots) {
		t.Errorf("result %+v, %v", result, err)
	}
	var sweeps []string
	for _, done := range w.calls() {
		if strings.HasPrefix(done, "SweepResources") {
			sweeps = append(sweeps, done)
		}
	}
	if len(sweeps) != 2 || !strings.Contains(sweeps[0], "DBInstance") || !strings.Contains(sweeps[0], "SecurityGroup") {
		t.Errorf("swept %q", sweeps)
	}
}

func TestS88LeftoversSurviveAPushDuringTheRemoval(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.left = []string{"bucket dropped"}
	w.during["DeleteStack"] = func() { w.ask(up(commitTwo)) }
	removal := gone()
	_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal})
	if err != nil || next == nil || len(next.Left) != 1 || !slices.Equal(next.Left[0].Resources, w.left) {
		t.Fatalf("handed on %+v, %v", next, err)
	}
	later := newWorld(t)
	result, _, err := later.goOn(Provision, *next)
	if err != nil || result.Outcome != perch.OutcomeReady || len(result.Earlier) != 1 ||
		!slices.Equal(result.Earlier[0].Resources, w.left) {
		t.Errorf("result %+v, %v", result, err)
	}
}
