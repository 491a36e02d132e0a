package workflows

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"pgregory.net/rapid"

	"perch"
	"perch/activities/activitytest"
)

// maxActivities bounds the tries of activities in one chain: each story is shorter than its draws,
// and then all goes well.
const maxActivities = 400

// denied is a failure that no retry fixes.
func denied() error {
	return temporal.NewNonRetryableApplicationError("the role lacks it", perch.ErrorDenied, nil)
}

// TestWhateverHappensTheLastRequestIsInForce draws stories of statuses, failures, lost answers and
// racing requests. Each chain of runs ends, in a result that is true or in a failure with a name,
// with the last request in force that was not a rejected removal; nothing that is not ours is ever
// touched, no stack made beside another, and no stack that was ready is recreated unless that was
// requested.
func TestWhateverHappensTheLastRequestIsInForce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := drawFate(rt)
		next := &perch.RunInput{Environment: activitytest.Environment("shop", "login"), Request: &f.asked[0]}
		for runs := 1; next != nil; runs++ {
			// A removal that turns out to be rejected after it was announced takes three runs: one
			// that judges, one that is due, and what comes back. A request for a commit that is not
			// the head takes one more.
			if f.hops > len(f.asked) || runs > 3*len(f.asked)+f.hops {
				rt.Fatalf("%d runs, %d of them for a head, for %d requests", runs, f.hops, len(f.asked))
			}
			next = f.runOne(rt, *next)
		}
		for _, wrong := range f.wrongs {
			rt.Error(wrong)
		}
		if f.steps > maxActivities {
			rt.Errorf("%d activities", f.steps)
		}
	})
}

func drawFate(rt *rapid.T) *fate {
	f := &fate{done: map[string]bool{}, rejected: map[string]bool{}, recreated: map[string]string{}, made: 1}
	statuses := []string{""}
	for _, status := range types.StackStatus("").Values() {
		statuses = append(statuses, string(status))
	}
	f.stack.Status = rapid.SampledFrom(statuses).Draw(rt, "status")
	if f.exists() {
		f.stack.StackID, f.stack.Template, f.stack.URL = stackID+"-1", templateAt(commitTwo), "https://login"
		f.wanted = f.stack.Template
		if f.stack.Ours = rapid.IntRange(0, 9).Draw(rt, "ours") < 8; !f.stack.Ours {
			f.stack.Conflict = perch.Reject("it is not managed by Perch")
		}
		f.stack.Protected = rapid.IntRange(0, 9).Draw(rt, "protected") > 8
		f.stack.Kind = rapid.SampledFrom([]perch.Kind{
			perch.KindBranch, perch.KindBranch, perch.KindBranch, perch.KindStaging,
		}).Draw(rt, "kind")
	}
	f.ready = strings.HasPrefix(f.stack.Status, "UPDATE_") || strings.HasPrefix(f.stack.Status, "IMPORT_") ||
		f.stack.Status == "CREATE_COMPLETE"
	f.stopped = f.ready && rapid.Bool().Draw(rt, "stopped database")
	f.mayRecreate = rapid.IntRange(0, 9).Draw(rt, "the policy says repair: recreate") > 7
	f.closed = f.exists() && rapid.Bool().Draw(rt, "closed by an older version")
	f.orphan = rapid.Bool().Draw(rt, "a bucket that an update dropped")
	f.shared = rapid.Bool().Draw(rt, "shared database")
	f.branchGone = rapid.IntRange(0, 9).Draw(rt, "the branch is deleted") > 8
	requests := rapid.SliceOfN(rapid.Custom(drawRequest), 1, 5).Draw(rt, "requests")
	for i := range requests {
		requests[i].ID = fmt.Sprint(i)
	}
	f.asked, f.waiting = requests[:1], requests[1:]
	// rapid prefers small numbers; the factor spreads them over all that may happen.
	spread := rapid.Map(rapid.IntRange(0, 99), func(n int) int { return n * 37 % 100 })
	f.draws = rapid.SliceOfN(spread, 30, 60).Draw(rt, "draws")
	f.bucketDraws = rapid.SliceOfN(spread, 0, 10).Draw(rt, "draws of buckets")
	return f
}

func drawRequest(rt *rapid.T) perch.Request {
	request := perch.Request{Project: "shop", Branch: "login", Goal: perch.GoalGone}
	switch rapid.IntRange(0, 3).Draw(rt, "request") {
	case 0, 1:
		request.Goal = perch.GoalUp
		request.Commit = rapid.SampledFrom([]string{commitOne, commitTwo}).Draw(rt, "commit")
		request.Recreate = rapid.IntRange(0, 9).Draw(rt, "recreate") > 6
	case 2:
		request.Judged = &perch.Judgement{StackID: stackID + "-1", At: began, Until: began.Add(10 * time.Minute)}
	}
	return request
}

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// runOne executes one run of the chain and returns the input of the next one. The end of the chain
// is judged.
func (f *fate) runOne(rt *rapid.T, in perch.RunInput) *perch.RunInput {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	f.mu.Lock() // An activity that the run before has given up may still be running.
	f.notAllowed, f.touched, f.passed = false, false, 0
	f.env = suite.NewTestWorkflowEnvironment()
	f.answered, f.seeded = false, false
	f.runs++
	f.mu.Unlock()
	f.env.SetStartTime(began)
	f.env.SetTestTimeout(time.Minute)
	f.env.RegisterActivity(f)
	f.env.RegisterWorkflow(Provision)
	f.env.RegisterWorkflow(Teardown)
	f.env.RegisterDelayedCallback(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.send()
	}, 5*time.Minute)
	function := map[perch.Goal]any{perch.GoalUp: Provision, perch.GoalGone: Teardown}[in.Request.Goal]
	f.env.ExecuteWorkflow(function, in)
	if !f.env.IsWorkflowCompleted() {
		rt.Fatal("the run did not end")
	}
	err := f.env.GetWorkflowError()
	if next, ok := asContinueAsNew(err); ok {
		var in perch.RunInput
		if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
			rt.Fatal(err)
		}
		if in.Ended != nil {
			f.reject(rt, *in.Ended)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if in.Request.Head && !f.target.Head {
			f.hops++
		}
		return &in
	}
	f.mu.Lock()
	touched := f.touched
	f.mu.Unlock()
	if err != nil && in.Below != nil && !in.Due && !touched {
		rt.Errorf(
			"a removal that failed before it changed anything ended the deployment at %s: %v", in.Below.Commit, err,
		)
	}
	f.judge(rt, err)
	return nil
}

// reject notes that a removal was rejected, together with those that it answers, and compares that
// with the world.
func (f *fate) reject(rt *rapid.T, ended perch.EndedRemoval) {
	f.mu.Lock()
	defer f.mu.Unlock()
	removal := ended.Request
	switch ours := f.stack.Ours && !f.stack.Protected && f.stack.Kind == perch.KindBranch; {
	case ended.Rejection == nil && f.touched:
		rt.Errorf(
			"the removal %s failed after it had changed something, and what is below it goes on as if it had not",
			removal.ID,
		)
	case ended.Rejection != nil && ours && !f.notAllowed:
		rt.Errorf("the removal %s was rejected without a reason", removal.ID)
	}
	for _, request := range f.asked {
		if request.ID == removal.ID || request.AnsweredBy(removal) {
			f.rejected[request.ID] = true
		}
	}
}

// judge compares the end of a chain with the world.
func (f *fate) judge(rt *rapid.T, err error) {
	var result perch.Result
	if err == nil {
		if err := f.env.GetWorkflowResult(&result); err != nil {
			rt.Fatal(err)
		}
		if result.Goal == perch.GoalGone && result.Outcome == perch.OutcomeRejected {
			f.reject(rt, perch.EndedRemoval{Request: f.target, Rejection: perch.Reject("%s", result.Reason)})
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.effective()
	if f.target.Goal != last.Goal || f.target.Commit != last.Commit && !f.target.Head ||
		last.Recreate && !f.target.Recreate {
		rt.Errorf("the chain ended with %+v and the last request was %+v", f.target, last)
	}
	if err != nil {
		var failure *temporal.ApplicationError
		if !errors.As(err, &failure) || !isNamed(failure.Type()) {
			rt.Errorf("the failure has no name: %v", err)
		}
		return
	}
	f.hold(rt, result)
}

// hold checks that a result says what is so.
func (f *fate) hold(rt *rapid.T, result perch.Result) {
	switch result.Outcome {
	case perch.OutcomeReady:
		if f.branchGone {
			rt.Errorf("ready at %s, and the branch does not exist", result.Commit)
		}
		if !f.stack.Ours || !updatable[f.stack.Status] || f.stack.Template != templateAt(result.Commit) ||
			result.Commit != f.target.Commit {
			rt.Errorf("ready at %s, and the stack is %+v", result.Commit, f.stack)
		}
		if f.shared && f.database != f.stack.StackID {
			rt.Errorf("ready at %s, and its database is of %q", result.Commit, f.database)
		}
		if f.closed {
			rt.Errorf("ready at %s, and its buckets deny writes", result.Commit)
		}
		if !f.seeded {
			rt.Errorf("ready at %s, and the steps that need the app are not done", result.Commit)
		}
	case perch.OutcomeGone, perch.OutcomeAbsent:
		if f.exists() {
			rt.Errorf("%s, and the stack is %+v", result.Outcome, f.stack)
		}
		if f.orphan {
			rt.Errorf("%s, and a bucket of an earlier stack is left", result.Outcome)
		}
		if f.shared && f.database != "" {
			rt.Errorf("%s, and there is still the database of %q", result.Outcome, f.database)
		}
	case perch.OutcomeRejected:
		if result.Reason == "" || result.Reason == tooMany && f.exists() && f.stack.Status != "DELETE_FAILED" {
			rt.Errorf("rejected because %q, and the stack is %+v", result.Reason, f.stack)
		}
	case perch.OutcomeKept:
		if result.Reason == "" {
			rt.Error("kept without a reason")
		}
	default:
		rt.Errorf("the chain ended in %q", result.Outcome)
	}
}

// silent is a logger for thousands of runs.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
