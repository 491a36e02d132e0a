package cli

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/lifecycle"
)

// swept is a cleanup that requested the removal of shop-a, which is at the stage and for that
// reason.
func swept(at stage, why string) *sweep {
	s := &sweep{result: perch.CleanupResult{
		Verdicts: []perch.CleanupVerdict{
			{Stack: "shop-a", Branch: "a", Verdict: perch.VerdictRemove, Reason: "branch missing"},
		},
		Asked: []perch.CleanupAsked{{Stack: "shop-a", Branch: "a"}},
	}}
	s.begin()
	s.removals[0].stage, s.removals[0].why = at, why
	return s
}

func TestDocumentAndExitCodeOfACleanup(t *testing.T) {
	before := func(at stage) *sweep {
		s := swept(at, "")
		s.result.Failed = []perch.CleanupFailure{
			{Stack: "shop-a", Error: "before"}, {Stack: "shop-z", Error: "its deletion failed"},
		}
		return s
	}
	remove := `{"verdicts":[{"stack":"shop-a","branch":"a","verdict":"remove","reason":"branch missing"}],`
	for name, c := range map[string]struct {
		sweep *sweep
		code  int
		want  string
	}{
		"nothing is there": {
			&sweep{}, exitDone,
			`{"verdicts":[],"removed":[],"pending":[],"failed":[],"brake":null,"other_repositories":[],"expiry":null}`,
		},
		"removed": {swept(stageRemoved, ""), exitDone, remove +
			`"removed":["shop-a"],"pending":[],"failed":[],"brake":null,"other_repositories":[],"expiry":null}`},
		"in its grace": {swept(stagePending, ""), exitDone, remove +
			`"removed":[],"pending":["shop-a"],"failed":[],"brake":null,"other_repositories":[],"expiry":null}`},
		"begun": {swept(stageBegun, ""), exitTimeout, remove +
			`"removed":[],"pending":["shop-a"],"failed":[],"brake":null,"other_repositories":[],"expiry":null}`},
		"kept": {swept(stageKept, "branch a exists again"), exitDone,
			`{"verdicts":[{"stack":"shop-a","branch":"a","verdict":"keep","reason":"branch a exists ` +
				`again"}],"removed":[],"pending":[],"failed":[],"brake":null,"other_repositories":[],"expiry":null}`},
		"failed": {swept(stageFailed, "denied"), exitFailed, remove + `"removed":[],"pending":[],` +
			`"failed":[{"stack":"shop-a","error":"denied"}],"brake":null,"other_repositories":[],"expiry":null}`},
		"a removal that failed before and is done now": {before(stageRemoved), exitFailed,
			remove + `"removed":["shop-a"],"pending":[],"failed":[{"stack":"shop-z","error":"its deletion ` +
				`failed"}],"brake":null,"other_repositories":[],"expiry":null}`},
		"stopped by the safety limit": {&sweep{result: perch.CleanupResult{
			Brake: &perch.CleanupBrake{Reason: "too many", Hash: "ab", Removals: 11, Limit: 10},
		}}, exitRejected,
			`{"verdicts":[],"removed":[],"pending":[],"failed":[],"brake":{"reason":"too ` +
				`many","hash":"ab","removals":11,"limit":10},"other_repositories":[],"expiry":null}`},
		"missing": {&sweep{result: perch.CleanupResult{Missing: &perch.CleanupMissing{
			Branches: []perch.MissingBranch{{Branch: "b", Stack: "shop-b", Commit: "c0ffee", RunID: "run"}}, Unseen: 2,
		}}}, exitDone, `{"verdicts":[],"removed":[],"pending":[],"failed":[],"brake":null,"other_repositories":[],` +
			`"missing":{"branches":[{"branch":"b","stack":"shop-b","commit":"c0ffee","run_id":"run"}],"unseen":2},` +
			`"expiry":null}`},
		"S67 held": {
			&sweep{result: perch.CleanupResult{Problem: "no token"}}, exitFailed,
			`{"verdicts":[],"removed":[],"pending":[],"failed":[],"brake":null,"other_repositories":[],"expiry":null,` +
				`"error":"no token"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := json.Marshal(c.sweep.document())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(data)); diff != "" {
				t.Error(diff)
			}
			if got := c.sweep.code(); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
		})
	}
}

func TestWhatARunsEndMeansForARemoval(t *testing.T) {
	for name, c := range map[string]struct {
		answer lifecycle.Answer
		stage  stage
		why    string
	}{
		"gone":   {lifecycle.Answer{Result: perch.Result{Outcome: perch.OutcomeGone}}, stageRemoved, ""},
		"absent": {lifecycle.Answer{Result: perch.Result{Outcome: perch.OutcomeAbsent}}, stageRemoved, ""},
		"kept": {
			lifecycle.Answer{Result: perch.Result{Outcome: perch.OutcomeKept, Reason: "branch a exists again"}},
			stageKept, "branch a exists again",
		},
		"rejected": {
			lifecycle.Answer{Result: perch.Result{Outcome: perch.OutcomeRejected, Reason: "protected"}}, stageKept,
			"protected",
		},
		"superseded": {
			lifecycle.Answer{Result: perch.Result{Outcome: perch.OutcomeSuperseded, SupersededBy: "1234567890"}},
			stageKept, "commit 1234567 was requested meanwhile",
		},
		"failed": {lifecycle.Answer{Failure: "denied"}, stageFailed, "denied"},
	} {
		t.Run(name, func(t *testing.T) {
			if at, why := judgeRemoval(c.answer); at != c.stage || why != c.why {
				t.Errorf("got %s, %q", at, why)
			}
		})
	}
}

func TestCleanupReportsTheSafetyLimitAndTheNextCommand(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stdout: &bytes.Buffer{}, stderr: &stderr, output: "text"}
	a.tellSweep(&sweep{result: perch.CleanupResult{
		Brake: &perch.CleanupBrake{Reason: "11 removals are more than max_removals, 10", Hash: "ab", Removals: 11},
	}})
	a.tellSweep(&sweep{result: perch.CleanupResult{Brake: &perch.CleanupBrake{
		Reason: "plan ab was approved, and the plan is cd now: look at it again", Hash: "cd",
	}}})
	want := "The safety limit stops this cleanup, and nothing is removed: 11 removals are more than max_removals, " +
		"10. If the removals are right, `perch cleanup approve ab` carries out exactly this plan.\n" +
		"Nothing is removed: plan ab was approved, and the plan is cd now: look at it again. There is nothing to " +
		"remove any more.\n"
	if diff := cmp.Diff(want, stderr.String()); diff != "" {
		t.Error(diff)
	}
}

func TestAWaitForRemovalsWritesALineAtEachTick(t *testing.T) {
	done, tick, told := make(chan struct{}), make(chan time.Time), 0
	go func() {
		tick <- noon
		tick <- noon
		close(done)
	}()
	meanwhile(done, tick, func() { told++ })
	if told != 2 {
		t.Errorf("told %d times, want 2", told)
	}
}
