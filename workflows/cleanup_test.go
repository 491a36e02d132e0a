package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
)

// sweep stands for everything outside a run of Cleanup.
type sweep struct {
	plan contract.PlanResult
	// failures are why earlier removals failed, by branch.
	failures map[string]string
	// left is what RecheckLeftovers still sees.
	left []perch.CleanupFailure

	mu    sync.Mutex
	asked []contract.AskInput
	// deployed are the branches for which an environment was requested, with the commit.
	deployed []string
	// missed is after how long a worker that dies is missed, by activity.
	missed map[string]time.Duration
}

func (s *sweep) note(ctx context.Context) {
	info := sdk.GetInfo(ctx)
	if s.missed == nil {
		s.missed = map[string]time.Duration{}
	}
	s.missed[info.ActivityType.Name] = info.HeartbeatTimeout
}

func (s *sweep) PlanCleanup(ctx context.Context, _ perch.CleanupInput) (contract.PlanResult, error) {
	s.note(ctx)
	return s.plan, nil
}

func (s *sweep) AskRemoval(ctx context.Context, in contract.AskInput) (contract.AskResult, error) {
	s.mu.Lock() // Removals are requested side by side.
	defer s.mu.Unlock()
	s.note(ctx)
	s.asked = append(s.asked, in)
	return contract.AskResult{RunID: "run-" + in.Environment.Branch, RequestID: "request-" +
		in.Environment.Branch, Failure: s.failures[in.Environment.Branch]}, nil
}

func (s *sweep) RecheckLeftovers(ctx context.Context, _ perch.CleanupInput) (contract.RecheckResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(ctx)
	return contract.RecheckResult{Failed: s.left}, nil
}

func (s *sweep) AskDeployment(ctx context.Context, in contract.DeploymentInput) (contract.AskResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(ctx)
	s.deployed = append(s.deployed, in.Environment.Branch+" "+in.Commit)
	return contract.AskResult{RunID: "run-" + in.Environment.Branch}, nil
}

func (s *sweep) branches() []string {
	names := []string{}
	for _, in := range s.asked {
		names = append(names, in.Environment.Branch)
	}
	slices.Sort(names)
	return names
}

// run executes Cleanup; where it fails, the result is what its failure holds.
func (s *sweep) run(t *testing.T, in perch.CleanupInput) (perch.CleanupResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(s)
	env.ExecuteWorkflow(Cleanup, in)
	var result perch.CleanupResult
	err := env.GetWorkflowError()
	if err == nil {
		err = env.GetWorkflowResult(&result)
		return result, err
	}
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != perch.ErrorCleanupFailed || !failure.NonRetryable() {
		t.Fatalf("error %v", err)
	}
	if detailsErr := failure.Details(&result); detailsErr != nil {
		t.Fatal(detailsErr)
	}
	return result, err
}

func planned(verdicts ...perch.CleanupVerdict) contract.PlanResult {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return contract.PlanResult{Verdicts: verdicts, Failed: []perch.CleanupFailure{}, At: at, Until: at.Add(time.Hour)}
}

func verdictOn(branch string, v perch.Verdict) perch.CleanupVerdict {
	return perch.CleanupVerdict{Stack: "shop-" +
		branch, Branch: branch, Verdict: v, Reason: "because", StackID: "arn:" + branch, Commit: commitOne}
}

func TestCleanupRequestsEnvironmentsThatAreMissing(t *testing.T) {
	missing := func() *perch.CleanupMissing {
		m := &perch.CleanupMissing{}
		for i := range asksAtOnce + 2 {
			m.Branches = append(
				m.Branches,
				perch.MissingBranch{Branch: fmt.Sprint("b", i), Stack: fmt.Sprint("shop-b", i), Commit: commitOne},
			)
		}
		return m
	}
	for name, c := range map[string]struct {
		in     perch.CleanupInput
		change func(*contract.PlanResult)
		want   int
	}{
		"all of them": {perch.CleanupInput{Project: "shop"}, func(*contract.PlanResult) {}, asksAtOnce + 2},
		"not in a dry run": {
			perch.CleanupInput{Project: "shop", DryRun: true}, func(*contract.PlanResult) {}, 0,
		},
		"not if the safety limit stops the plan": {
			perch.CleanupInput{Project: "shop"}, func(p *contract.PlanResult) { p.Brake = &perch.CleanupBrake{} }, 0,
		},
		"not if they are unknown": {
			perch.CleanupInput{Project: "shop"}, func(p *contract.PlanResult) { p.Missing = nil }, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sweep{plan: planned()}
			s.plan.Missing = missing()
			c.change(&s.plan)
			result, err := s.run(t, c.in)
			if err != nil || len(s.deployed) != c.want {
				t.Fatalf("requested %q, %v", s.deployed, err)
			}
			if result.Missing == nil {
				return
			}
			for _, branch := range result.Missing.Branches {
				asked := slices.Contains(s.deployed, branch.Branch+" "+commitOne)
				if requested := branch.RunID == "run-"+branch.Branch; requested != asked || requested != (c.want > 0) {
					t.Errorf("%+v, and requested %q", branch, s.deployed)
				}
			}
		})
	}
}

func TestCleanupAsksForRemovalsAlone(t *testing.T) {
	s := &sweep{plan: planned(
		verdictOn("a", perch.VerdictRemove), verdictOn("b", perch.VerdictKeep), verdictOn("c", perch.VerdictHold),
		verdictOn("d", perch.VerdictRemove),
	)}
	result, err := s.run(t, perch.CleanupInput{Project: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	judged := result.Asked[0].Judged
	if judged.StackID != "arn:a" || judged.Commit != commitOne ||
		judged.Until.Sub(judged.At) != s.plan.Until.Sub(s.plan.At) {
		t.Errorf("judged %+v", judged)
	}
	want := perch.CleanupAsked{Stack: "shop-a", Branch: "a", RunID: "run-a", RequestID: "request-a", Judged: judged}
	if len(result.Asked) != 2 || cmp.Diff(want, result.Asked[0]) != "" || result.Asked[1].Branch != "d" {
		t.Errorf("asked %+v", result.Asked)
	}
	if diff := cmp.Diff([]string{"a", "d"}, s.branches()); diff != "" {
		t.Error(diff)
	}
	first := slices.IndexFunc(s.asked, func(in contract.AskInput) bool { return in.Environment.Branch == "a" })
	if diff := cmp.Diff(
		contract.AskInput{Environment: activitytest.Environment("shop", "a"), Judged: judged, Reason: "because"},
		s.asked[first],
	); diff != "" {
		t.Error(diff)
	}
}

// TestTheGracePeriodIsTemporalsWhateverTheWorkersClockSays: the run that waits it out goes by
// Temporal's clock.
func TestTheGracePeriodIsTemporalsWhateverTheWorkersClockSays(t *testing.T) {
	for name, skew := range map[string]time.Duration{
		"two hours slow": -2 * time.Hour, "two hours fast": 2 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			s := &sweep{plan: planned(verdictOn("a", perch.VerdictRemove))}
			began := time.Now()
			s.plan.At, s.plan.Until = began.Add(skew), began.Add(skew+time.Hour)
			if _, err := s.run(t, perch.CleanupInput{Project: "shop"}); err != nil {
				t.Fatal(err)
			}
			judged := s.asked[0].Judged
			if late := judged.At.Sub(began); late.Abs() > time.Minute || judged.Until.Sub(judged.At) != time.Hour ||
				judged.Until.Location() != time.UTC {
				t.Errorf("judged at %s until %s, and it began at %s", judged.At, judged.Until, began)
			}
		})
	}
}

func TestAWorkerThatDiesInCleanupIsMissedSoon(t *testing.T) {
	s := &sweep{plan: planned(verdictOn("a", perch.VerdictRemove))}
	if _, err := s.run(t, perch.CleanupInput{Project: "shop"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]time.Duration{
		"PlanCleanup": 20 * time.Second, "AskRemoval": 20 * time.Second, "RecheckLeftovers": 20 * time.Second,
	}, s.missed); diff != "" {
		t.Errorf("heartbeat timeouts (-want +got):\n%s", diff)
	}
}

func TestCleanupThatMustNotActAsksForNothing(t *testing.T) {
	brake := &perch.CleanupBrake{Reason: "too many", Hash: "abc", Removals: 11, Limit: 10}
	for name, c := range map[string]struct {
		change func(*contract.PlanResult)
		in     perch.CleanupInput
		fails  string
	}{
		"dry run": {func(*contract.PlanResult) {}, perch.CleanupInput{DryRun: true}, ""},
		"braked":  {func(p *contract.PlanResult) { p.Brake = brake }, perch.CleanupInput{}, ""},
		"S45 S67 untrusted": {
			func(p *contract.PlanResult) { p.Problem = "401" }, perch.CleanupInput{}, "401; nothing was removed",
		},
		"S45 S67 untrusted, a dry": {
			func(p *contract.PlanResult) { p.Problem = "401" }, perch.CleanupInput{DryRun: true}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sweep{plan: planned(verdictOn("a", perch.VerdictRemove))}
			c.change(&s.plan)
			result, err := s.run(t, c.in)
			if (err != nil) != (c.fails != "") || (err != nil && !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("error %v, want %q", err, c.fails)
			}
			if len(s.asked) > 0 || len(result.Asked) > 0 || len(result.Verdicts) != 1 ||
				result.Problem != s.plan.Problem || cmp.Diff(s.plan.Brake, result.Brake) != "" {
				t.Errorf("asked %v, result %+v", s.branches(), result)
			}
		})
	}
}

func TestFailedRemovalsFailTheRunAfterItHasAsked(t *testing.T) {
	s := &sweep{
		plan:     planned(verdictOn("a", perch.VerdictRemove), verdictOn("b", perch.VerdictRemove)),
		failures: map[string]string{"a": "AccessDenied: s3:DeleteObject"},
	}
	s.plan.Failed = []perch.CleanupFailure{
		{Stack: "shop-a", Error: "its deletion failed"}, {Stack: "shop-z", Error: "its deletion failed"},
	}
	result, err := s.run(t, perch.CleanupInput{Project: "shop"})
	if err == nil ||
		!strings.Contains(err.Error(), "shop-a: AccessDenied: s3:DeleteObject; shop-z: its deletion failed") {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, s.branches()); diff != "" || len(result.Asked) != 2 {
		t.Errorf("asked %v", s.branches())
	}
	want := []perch.CleanupFailure{
		{Stack: "shop-a", Error: "AccessDenied: s3:DeleteObject"}, {Stack: "shop-z", Error: "its deletion failed"},
	}
	if diff := cmp.Diff(want, result.Failed); diff != "" {
		t.Error(diff)
	}
}

func TestPayloadsOfARunAreSmall(t *testing.T) {
	s := &sweep{plan: planned()}
	for i := range 120 {
		branch := fmt.Sprintf("a-branch-with-a-longer-name-%d", i)
		v := verdictOn(branch, perch.VerdictRemove)
		v.StackID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-" + branch +
			"/11111111-2222-3333-4444-555555555555"
		s.plan.Verdicts = append(s.plan.Verdicts, v)
	}
	result, err := s.run(t, perch.CleanupInput{Project: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(result)
	if err != nil || len(data) > 100_000 {
		t.Errorf("the result takes %d bytes, %v", len(data), err)
	}
}

func TestS90CleanupFailsWhileSomethingIsLeft(t *testing.T) {
	s := &sweep{
		plan: planned(), left: []perch.CleanupFailure{{Stack: "shop-login", Error: "the removal left bucket dropped"}},
	}
	result, err := s.run(t, perch.CleanupInput{Project: "shop"})
	if err == nil || !strings.Contains(err.Error(), "bucket dropped") || len(result.Failed) != 1 {
		t.Errorf("result %+v, %v", result, err)
	}
}
