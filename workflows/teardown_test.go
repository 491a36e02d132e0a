package workflows

import (
	"strings"
	"testing"

	"perch"
	"perch/activities"
)

func TestEnvironmentIsSeenToBeGone(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "new")
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone || result.Removed != (perch.Removed{Buckets: 1, Objects: 3}) {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone", "DescribeStack", "StackContents", "EmptyBucket assets", "DeleteStack", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "VerifyGone assets db")
}

func TestNothingToRemoveIsAbsent(t *testing.T) {
	w := newWorld(t)
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeAbsent {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone", "DescribeStack")
}

func TestWhatMustNotGoIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*activities.StackState)
		say    string
	}{
		"not ours":               {func(s *activities.StackState) { s.Ours = false }, "somebody else's"},
		"termination protection": {func(s *activities.StackState) { s.Protected = true }, "termination protection is on"},
		"staging":                {func(s *activities.StackState) { s.Kind = perch.KindStaging }, "its kind is staging"},
		"production":             {func(s *activities.StackState) { s.Kind = perch.KindProduction }, "its kind is production"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ours("CREATE_COMPLETE", "new")
			c.change(&w.stack)
			result, _, err := w.run(Teardown, gone())
			if err != nil || result.Outcome != perch.OutcomeRefused || !strings.Contains(result.Reason, c.say) {
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
	w.did("Admit gone", "DescribeStack", "StackContents", "CancelUpdate", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack",
		"StackContents", "EmptyBucket assets", "DeleteStack", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "VerifyGone assets db")
}

func TestRemovalThatSomebodyBeganIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.ours("DELETE_IN_PROGRESS", "old")
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone", "DescribeStack", "StackContents", "AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "VerifyGone assets db")
}

func TestFailedDeletionIsRepeated(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.ends = []activities.AwaitResult{{Status: "DELETE_FAILED", Reason: "the bucket is not empty"}}
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestDeletionThatAlwaysFailsEndsWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	for range 20 {
		w.ends = append(w.ends, activities.AwaitResult{Status: "DELETE_FAILED", Reason: "Group (AWS::EC2::SecurityGroup): still in use"})
	}
	_, _, err := w.run(Teardown, gone())
	if err == nil || !strings.Contains(err.Error(), "still in use") {
		t.Errorf("error %v", err)
	}
	if deletions := strings.Count(strings.Join(w.done, "\n"), "DeleteStack"); deletions != maxRemovals {
		t.Errorf("%d deletions, want %d", deletions, maxRemovals)
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

func TestRemovalFinishesBeforeANewCreation(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "new")
	w.during["EmptyBucket"] = func() { w.ask(up(commitTwo)) }
	_, next, err := w.run(Teardown, gone())
	if err != nil || next == nil || next.Commit != commitTwo {
		t.Errorf("handed on %+v, %v", next, err)
	}
	if last := w.done[len(w.done)-1]; !strings.HasPrefix(last, "VerifyGone") {
		t.Errorf("the removal stopped after %s", last)
	}
}
