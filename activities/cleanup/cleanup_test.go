package cleanup

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
)

func TestFitListsRemovalsFirstAndKeepsTheOrder(t *testing.T) {
	row := func(branch string, v perch.Verdict) perch.CleanupVerdict {
		return perch.CleanupVerdict{Branch: branch, Verdict: v}
	}
	all := []perch.CleanupVerdict{
		row("a", perch.VerdictKeep),
		row("b", perch.VerdictRemove),
		row("c", perch.VerdictKeep),
		row("d", perch.VerdictRemove),
	}
	for budget, want := range map[int]string{
		10_000: "abcd", 3 * weight(all[0]): "abd", 2 * weight(all[0]): "bd", weight(all[0]): "b", 0: "",
	} {
		listed, unlisted := fit(all, budget)
		got := ""
		for _, v := range listed {
			got += v.Branch
		}
		if got != want || unlisted != len(all)-len(want) {
			t.Errorf("%d bytes hold %q and leave %d, want %q", budget, got, unlisted, want)
		}
	}
}

func TestEveryRetryRequestsTheSameRemoval(t *testing.T) {
	in := contract.AskInput{
		Environment: activitytest.Environment("shop", "gone"),
		Reason:      "branch missing",
		Judged:      perch.Judgement{StackID: "arn:1"},
	}
	one, again, other := RemovalRequest(in, "run-1"), RemovalRequest(in, "run-1"), RemovalRequest(in, "run-2")
	if one.ID != again.ID || one.ID == other.ID {
		t.Errorf("ids %s, %s, %s", one.ID, again.ID, other.ID)
	}
	want := perch.Request{
		ID:      one.ID,
		Goal:    perch.GoalGone,
		Project: "shop",
		Branch:  "gone",
		By:      "cleanup",
		Reason:  "branch missing",
		Judged:  &in.Judged,
	}
	if diff := cmp.Diff(want, one); diff != "" {
		t.Error(diff)
	}
}
