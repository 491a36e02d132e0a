package activities

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/lifecycle"
	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
)

// hooked is a world whose source is GitHub, with the branches main and login, and a stack for
// login.
func hooked(t *testing.T) (w *world, server *hub.Server, head, stackID string) {
	t.Helper()
	w = newWorld(t)
	head = w.repo.commit("main", map[string]string{"a": "b"})
	w.repo.point("login", head)
	server = githubtest.New(t, w.repo.git)
	w.set.branches.Source = w.github(server)
	w.policy.Triggers = []perch.Trigger{perch.TriggerCI, perch.TriggerWebhook}
	stackID = w.bare("shop-login", "login", nil)
	w.settle(stackID)
	return w, server, head, stackID
}

// see is what a Look sees of login, when its latest run has ended.
func (w *world) see() (lifecycle.Seen, error) {
	w.t.Helper()
	ended := func(context.Context, string) (lifecycle.LatestRun, error) { return lifecycle.RunEnded, nil }
	return of[*Looks](w).planner.See(w.t.Context(), activitytest.Environment("shop", "login"), ended)
}

// nextStep is what a Look at login would request.
func (w *world) nextStep() lifecycle.LookStep {
	w.t.Helper()
	seen, err := w.see()
	if err != nil {
		w.t.Fatal(err)
	}
	return lifecycle.NextByLook(seen, w.policy)
}

func deleteBranch(t *testing.T, server *hub.Server, branch string) {
	t.Helper()
	server.Change(func(repository *git.Repository) {
		if err := repository.Storer.RemoveReference(plumbing.NewBranchReferenceName(branch)); err != nil {
			t.Error(err)
		}
	})
}

func TestALookSeesTheBranchTheStackAndThePullRequests(t *testing.T) {
	w, server, head, stackID := hooked(t)
	server.OpenPullRequest(hub.PullRequest{Head: "login", Labels: []string{"bug"}})
	seen, err := w.see()
	if err != nil || seen.Head != head || seen.Stack == nil || seen.Stack.ID != stackID ||
		seen.RepositoryID != "1296269" || seen.Run != lifecycle.RunEnded {
		t.Errorf("seen %+v, %v", seen, err)
	}
	want := []lifecycle.PullRequest{{Number: 1, Open: true, Head: head, Labels: []string{"bug"}}}
	if diff := cmp.Diff(want, seen.PullRequests); diff != "" {
		t.Error(diff)
	}
	if step := w.nextStep(); step.Goal != perch.GoalUp {
		t.Errorf("step %+v", step)
	}
	deleteBranch(t, server, "login")
	if step := w.nextStep(); step.Goal != perch.GoalGone || step.Reason != "branch missing" {
		t.Errorf("without its branch: %+v", step)
	}
}

func TestALookAtALabelOrAClosedPullRequest(t *testing.T) {
	w, server, _, _ := hooked(t)
	w.policy.OnPRClose = perch.OnPRCloseRemove
	number := server.OpenPullRequest(hub.PullRequest{Head: "login"})
	want := func(goal perch.Goal, reason string) {
		t.Helper()
		if step := w.nextStep(); step.Goal != goal || !strings.Contains(step.Reason, reason) ||
			step.Unwanted != (goal == perch.GoalGone) {
			t.Errorf("step %+v, want %s: %s", step, goal, reason)
		}
	}
	server.EditPullRequest(number, func(p *hub.PullRequest) { p.Labels = []string{perch.LabelOff} })
	want(perch.GoalGone, "has the label perch:off")
	server.EditPullRequest(number, func(p *hub.PullRequest) { p.Labels = nil })
	want(perch.GoalUp, "")
	server.EditPullRequest(number, func(p *hub.PullRequest) { p.Closed = true })
	want(perch.GoalGone, "pull request #1 is closed")
	w.policy.OnPRClose = perch.OnPRCloseKeep
	want(perch.GoalUp, "")
	w.policy.OnPRClose = perch.OnPRCloseRemove
	w.repo.commit("login", map[string]string{"a": "c"})
	want(perch.GoalUp, "")
}

func TestTheLastLookAtABranchThatIsNotWanted(t *testing.T) {
	w, server, _, stackID := hooked(t)
	w.policy.OnPRClose = perch.OnPRCloseRemove
	number := server.OpenPullRequest(hub.PullRequest{Head: "login"})
	server.EditPullRequest(number, func(p *hub.PullRequest) { p.Closed = true })
	in := contract.LastLookInput{
		Environment: activitytest.Environment("shop", "login"),
		Judged:      perch.Judgement{StackID: stackID, Unwanted: true},
	}
	look := func(keep string) {
		t.Helper()
		if out := must(w, of[*Cleanups](w).LastLook, in); out.Keep != keep {
			t.Errorf("keep: %q, want %q", out.Keep, keep)
		}
	}
	look("")
	server.EditPullRequest(number, func(p *hub.PullRequest) { p.Closed = false })
	look("branch login is to have an environment again")
	server.EditPullRequest(number, func(p *hub.PullRequest) { p.Closed = true })
	in.Judged.Unwanted = false
	look("branch login exists again")
	in.Judged.Unwanted = true
	server.Intercept(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/pulls") {
				next = hub.Answer(http.StatusForbidden, "Resource not accessible by integration")
			}
			next.ServeHTTP(rw, r)
		})
	})
	_, err := activitytest.Try(of[*Cleanups](w).LastLook, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, `"Pull requests: read"`)
	server.Intercept(nil)
	w.repo.commit("login", map[string]string{"a": "c"})
	look("branch login is to have an environment again")
}

func TestWithoutThePermissionToReadPullRequestsALookDeploys(t *testing.T) {
	w, server, _, _ := hooked(t)
	server.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("pull_requests")})
	if step := w.nextStep(); step.Goal != perch.GoalUp ||
		!strings.Contains(step.Reason, `labels of pull requests have no effect`) ||
		!strings.Contains(step.Reason, `"Pull requests: read"`) {
		t.Errorf("step %+v", step)
	}
	w.policy.OnPRClose = perch.OnPRCloseRemove
	_, err := w.see()
	activitytest.WantFinal(t, err, perch.ErrorInvalid, `"Pull requests: read"`)
}

func TestNothingIsRequestedForARepositoryThatIsHeld(t *testing.T) {
	w, server, _, _ := hooked(t)
	deleteBranch(t, server, "login")
	server.Archive(true)
	if step := w.nextStep(); step.Goal != "" || step.Reason != lifecycle.Archived {
		t.Errorf("archived: %+v", step)
	}
	plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
	if plan.Problem != lifecycle.Archived || len(plan.Verdicts) != 1 || plan.Verdicts[0].Verdict != perch.VerdictHold {
		t.Errorf("cleanup of an archived repository: %+v", plan)
	}
	server.Archive(false)
	server.Identify("acme/store", hub.ID)
	_, err := w.see()
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "was renamed")
	if plan := must(
		w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"},
	); !strings.Contains(plan.Problem, "was renamed") {
		t.Errorf("cleanup of a renamed repository: %+v", plan)
	}
}

func TestARequestOfALookIsTheSameWhenItIsTriedAgain(t *testing.T) {
	w, _, head, stackID := hooked(t)
	w.policy.Cleanup.Grace = time.Hour
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	in := contract.LookInput{
		Environment: activitytest.Environment("shop", "login"), Hint: perch.Hint{By: "webhook:ana", Reason: "push"},
		At: at,
	}
	seen := lifecycle.Seen{Head: head, Stack: &lifecycle.Found{ID: stackID, Commit: head}}
	make := func(step lifecycle.LookStep, run string) perch.Request {
		return of[*Looks](w).planner.LookRequest(in, seen, step, run)
	}
	up := make(lifecycle.LookStep{Goal: perch.GoalUp}, "run")
	want := perch.Request{
		ID: up.ID, Goal: perch.GoalUp, Project: "shop", Branch: "login", Commit: head, Head: true,
		By: "webhook:ana", Reason: "push", Trigger: perch.TriggerWebhook,
	}
	if diff := cmp.Diff(want, up); diff != "" {
		t.Errorf("up (-want +got):\n%s", diff)
	}
	gone := make(lifecycle.LookStep{Goal: perch.GoalGone, Reason: "branch missing"}, "run")
	want = perch.Request{
		ID: gone.ID, Goal: perch.GoalGone, Project: "shop", Branch: "login", By: "webhook:ana",
		Reason:  "branch missing",
		Trigger: perch.TriggerWebhook,
		Judged:  &perch.Judgement{StackID: stackID, Commit: head, At: at, Until: at.Add(time.Hour)},
	}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("removal (-want +got):\n%s", diff)
	}
	if up.ID == gone.ID || up.ID == make(lifecycle.LookStep{Goal: perch.GoalUp}, "another run").ID {
		t.Error("different requests have one id")
	}
	if again := make(lifecycle.LookStep{Goal: perch.GoalUp}, "run"); again.ID != up.ID {
		t.Error("a retry has another id")
	}
}

func TestAPersonDeploysWhatALabelForbidsToTriggers(t *testing.T) {
	w, server, _, _ := hooked(t)
	w.apply()
	commit := w.repo.commit("labeled", map[string]string{"perch.yaml": testConfig})
	server.OpenPullRequest(hub.PullRequest{Head: "labeled", Labels: []string{perch.LabelOff}})
	request := w.request("labeled", commit)
	for _, trigger := range []perch.Trigger{perch.TriggerCI, perch.TriggerWebhook} {
		request.Trigger = trigger
		if out := w.admit(request); out.Outcome != perch.OutcomeSkipped ||
			out.Reason != "pull request #1 has the label perch:off" {
			t.Errorf("%s: %+v", trigger, out)
		}
	}
	request.Trigger = ""
	if out := w.admit(request); out.Outcome == perch.OutcomeSkipped {
		t.Errorf("a person: %+v", out)
	}
	w.policy.Triggers = []perch.Trigger{perch.TriggerWebhook}
	request.Trigger = perch.TriggerCI
	if out := w.admit(request); out.Outcome != perch.OutcomeSkipped ||
		!strings.Contains(out.Reason, "does not name ci") {
		t.Errorf("CI that is not a trigger: %+v", out)
	}
}
