package activities

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/activities/activitytest"
	hub "perch/sandbox/github"
)

// missing is what a run of cleanup finds at a time: the branches, and the rest.
func (w *world) missing() ([]string, perch.CleanupMissing) {
	w.t.Helper()
	plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop", Missing: true})
	if plan.Missing == nil {
		w.t.Fatal("no missing branches were looked for")
	}
	names := []string{}
	for _, branch := range plan.Missing.Branches {
		names = append(names, branch.Branch)
	}
	slices.Sort(names)
	return names, *plan.Missing
}

func TestCleanupFindsBranchesThatShouldHaveAnEnvironment(t *testing.T) {
	w, server, _, _ := hooked(t)
	file := map[string]string{"perch.yaml": testConfig}
	head := w.repo.commit("feature", file)
	w.repo.commit("dependabot/go", file)
	w.repo.commit("labeled", file)
	server.OpenPullRequest(hub.PullRequest{Head: "labeled", Labels: []string{perch.LabelOff}})
	w.repo.commit(
		"staged",
		map[string]string{"perch.yaml": strings.Replace(testConfig, "main: production", "staged: production", 1)},
	)
	w.repo.commit("broken", map[string]string{"perch.yaml": "project: [\n"})
	names, missing := w.missing()
	// main and login have no perch.yaml, and login has a stack.
	if !slices.Equal(names, []string{"feature"}) || missing.Branches[0].Commit != head ||
		missing.Branches[0].Stack != "shop-feature" || missing.Problem != "" {
		t.Errorf("missing %+v", missing)
	}
	if plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"}); plan.Missing != nil {
		t.Errorf("looked for missing branches without being told to: %+v", plan.Missing)
	}
	w.policy.Triggers = []perch.Trigger{perch.TriggerCI}
	if names, missing := w.missing(); len(names) > 0 || !strings.Contains(missing.Problem, "does not name webhook") {
		t.Errorf("without webhooks: %+v", missing)
	}
}

func TestCleanupRequestsAFewEnvironmentsInEachRunAndAllInTheEnd(t *testing.T) {
	w, _, _, _ := hooked(t)
	w.policy.Cleanup.MaxRemovals = 3
	for i := range 7 {
		w.repo.commit(fmt.Sprint("topic-", i), map[string]string{"perch.yaml": testConfig})
	}
	listing, err := of[*Cleanups](w).planner.ListBranches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for hour := range 4 {
		missing, err := of[*Cleanups](w).planner.Missing(t.Context(), listing, nil, time.Unix(int64(hour)*3600, 0))
		if err != nil || len(missing.Branches) > 3 || missing.Unseen == 0 {
			t.Fatalf("%+v, %v", missing, err)
		}
		for _, branch := range missing.Branches {
			seen[branch.Branch] = true
		}
	}
	if len(seen) != 7 { // Not main, which would be of kind production.
		t.Errorf("in four runs: %v", seen)
	}
}

func TestASourceThatDoesNotAnswerLeavesTheVerdicts(t *testing.T) {
	w, server, _, _ := hooked(t)
	w.repo.commit("feature", map[string]string{"perch.yaml": testConfig})
	server.Intercept(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/git/") || strings.HasSuffix(r.URL.Path, "/pulls") {
				next = hub.Answer(http.StatusBadGateway, "Server Error")
			}
			next.ServeHTTP(rw, r)
		})
	})
	plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop", Missing: true})
	if len(plan.Verdicts) != 1 || !strings.Contains(plan.Missing.Problem, "502") || plan.Missing.Unseen == 0 {
		t.Errorf("verdicts %+v, missing %+v", plan.Verdicts, plan.Missing)
	}
}

// TestCleanupDoesNotBringBackWhatExpired looks at a branch whose environment expired: a push brings
// it back, cleanup does not.
func TestCleanupDoesNotBringBackWhatExpired(t *testing.T) {
	w, _, _, _ := hooked(t)
	w.apply()
	file := map[string]string{"perch.yaml": testConfig}
	head := w.repo.commit("feature", file)
	last := perch.Card{
		Environment: activitytest.Environment("shop", "feature"),
		StackID:     "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-feature/1",
		State:       perch.CardState{Phase: perch.PhaseGone, Expired: true, RemovedCommit: head},
	}
	if err := of[*Stacks](w).cards.KeepHistory(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if names, missing := w.missing(); slices.Contains(names, "feature") || missing.Problem != "" {
		t.Errorf("missing %v, %+v", names, missing)
	}
	w.repo.commit("feature", map[string]string{"perch.yaml": testConfig, "a.txt": "new"})
	if names, _ := w.missing(); !slices.Contains(names, "feature") {
		t.Errorf("after a push: missing %v", names)
	}
}
