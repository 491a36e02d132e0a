package workflows

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
)

func asContinueAsNew(err error) (*workflow.ContinueAsNewError, bool) {
	var next *workflow.ContinueAsNewError
	ok := errors.As(err, &next)
	return next, ok
}

func TestNewBranchGetsItsEnvironment(t *testing.T) {
	w := newWorld(t)
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil {
		t.Fatal(err)
	}
	if result.Outcome != perch.OutcomeReady || !result.Created || !result.Seeded || result.Commit != commitOne ||
		result.URL != "https://login.example.com" {
		t.Errorf("result %+v", result)
	}
	w.did(
		"Admit up", "CreateStack", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack", "SeedData",
		"AwaitReady https://login.example.com",
	)
}

func TestStepsThatNeedTheAppComeWhenItAnswers(t *testing.T) {
	w := newWorld(t)
	w.rendered.LaterSteps = 1
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil {
		t.Fatal(err)
	}
	want := []perch.SeedDone{{Step: "s3 media", Objects: 2}, {Step: "http POST /seed", Status: 201}}
	if result.Outcome != perch.OutcomeReady || !result.Seeded || !slices.Equal(result.Seeds, want) {
		t.Errorf("result %+v", result)
	}
	w.did(
		"Admit up", "CreateStack", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack", "SeedData",
		"AwaitReady https://login.example.com", "SeedData later",
	)
}

func TestS70StepsThatNeedTheAppAndFailMakeTheRunFail(t *testing.T) {
	w := newWorld(t)
	w.rendered.LaterSteps, w.rendered.SeedSteps = 1, 0
	w.unseeded = temporal.NewNonRetryableApplicationError("seed step: 422", perch.ErrorSeedFailed, nil)
	_, _, err := w.run(Provision, up(commitOne))
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != perch.ErrorSeedFailed {
		t.Errorf("error %v", err)
	}
	w.did(
		"Admit up", "CreateStack", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack",
		"AwaitReady https://login.example.com", "SeedData later",
	)
}

func TestARequestThatComesWhileTheAppIsAwaitedIsNotSeededBefore(t *testing.T) {
	w := newWorld(t)
	w.rendered.LaterSteps = 1
	w.during["AwaitReady"] = func() { w.ask(up(commitTwo)) }
	if _, next, err := w.run(Provision, up(commitOne)); err != nil || next == nil || next.Commit != commitTwo {
		t.Errorf("handed on %+v, %v", next, err)
	}
	if slices.ContainsFunc(w.calls(), func(did string) bool { return strings.HasPrefix(did, "SeedData later") }) {
		t.Errorf("the run did %q", w.calls())
	}
}

func TestWhatAWaitHasSeenIsNotLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	w.shows = true
	w.ours("ROLLBACK_COMPLETE", "")
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || result.URL != "https://login.example.com" {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit up", "PrepareDeletion", "DeleteStack", "AwaitStack until deleting", "EmptyBucket assets",
		"AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "CreateStack", "AwaitStack CREATE_IN_PROGRESS", "SeedData",
		"AwaitReady https://login.example.com",
	)
}

func TestUnchangedTemplateNeedsNoUpdate(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "new")
	w.rendered.SeedSteps = 0
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || result.Created {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit up", "AwaitReady https://login.example.com")
}

func TestSettledEnvironmentIsOnlyLookedAt(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "new")
	w.admitted.Settled = &contract.Settled{Stack: w.stack}
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || result.Commit != commitOne || result.Created ||
		result.Seeded {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit up", "AwaitReady https://login.example.com")
}

func TestChangedTemplateUpdates(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "old")
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || result.Created {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit up", "UpdateStack", "AwaitStack UPDATE_IN_PROGRESS", "DescribeStack", "SeedData",
		"AwaitReady https://login.example.com",
	)
}

func TestRejectedRequestChangesNothing(t *testing.T) {
	for name, admitted := range map[string]contract.AdmitResult{
		"rejected":   {Rejection: perch.Reject("not allowed")},
		"skipped":    {Outcome: perch.OutcomeSkipped, Reason: "skip pattern"},
		"superseded": {Outcome: perch.OutcomeSuperseded, SupersededBy: commitTwo},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.admitted = admitted
			result, _, err := w.run(Provision, up(commitOne))
			outcome, reason, _ := admitted.Ends()
			if err != nil || result.Outcome != outcome || result.Reason != reason ||
				result.SupersededBy != admitted.SupersededBy {
				t.Errorf("result %+v, %v", result, err)
			}
			w.did("Admit up")
		})
	}
}

func TestForeignStackIsRejected(t *testing.T) {
	w := newWorld(t)
	w.stack = contract.StackState{
		StackID: stackID, Status: "CREATE_COMPLETE", Conflict: perch.Reject("it is not managed"),
	}
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeRejected || result.Reason != "it is not managed" {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit up")
}

func TestStackThatCannotBeUpdatedIsMadeAnew(t *testing.T) {
	for _, status := range []string{"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS"} {
		t.Run(status, func(t *testing.T) {
			w := newWorld(t)
			w.ours(status, "")
			result, _, err := w.run(Provision, up(commitOne))
			if err != nil || result.Outcome != perch.OutcomeReady || !result.Created {
				t.Errorf("result %+v, %v", result, err)
			}
			w.did(
				"Admit up", "PrepareDeletion", "DeleteStack", "AwaitStack until deleting", "EmptyBucket assets",
				"AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "CreateStack", "AwaitStack CREATE_IN_PROGRESS",
				"DescribeStack", "SeedData", "AwaitReady https://login.example.com",
			)
		})
	}
}

func TestS12S13StuckUpdateIsTurnedBackFirst(t *testing.T) {
	for status, call := range map[string]string{
		"UPDATE_FAILED": "RollbackStack", "UPDATE_ROLLBACK_FAILED": "ContinueRollback",
	} {
		t.Run(status, func(t *testing.T) {
			w := newWorld(t)
			w.ours(status, "old")
			result, _, err := w.run(Provision, up(commitOne))
			if err != nil || result.Outcome != perch.OutcomeReady {
				t.Errorf("result %+v, %v", result, err)
			}
			w.did("Admit up", call, "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack",
				"UpdateStack", "AwaitStack UPDATE_IN_PROGRESS", "DescribeStack", "SeedData",
				"AwaitReady https://login.example.com")
		})
	}
}

// stoppedDatabase are AWS's words for a stopped database.
const stoppedDatabase = "Database (AWS::RDS::DBInstance): Database instance is not in available state. (Service: " +
	"Rds, Status Code: 400, InvalidDBInstanceState)"

// outOfService checks that the run failed, that its sentence names cause, advice and command, and
// that nothing was deleted.
func (w *world) outOfService(err error, cause, advice string) {
	w.t.Helper()
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != perch.ErrorStackFailed {
		w.t.Fatalf("error %v", err)
	}
	for _, words := range []string{
		"stack shop-login is UPDATE_ROLLBACK_FAILED", cause, advice, "`perch up --recreate login`",
	} {
		if !strings.Contains(failure.Message(), words) {
			w.t.Errorf("%q is not in: %s", words, failure.Message())
		}
	}
	if slices.Contains(w.calls(), "DeleteStack") || w.stack.StackID != stackID {
		w.t.Errorf("the stack was deleted: %v", w.calls())
	}
}

func TestS12RollbackThatStaysStuckIsForcedThenLeftToAPerson(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_ROLLBACK_FAILED", "old")
	w.ends = []contract.AwaitResult{
		{Status: "UPDATE_ROLLBACK_FAILED"}, {Status: "UPDATE_ROLLBACK_FAILED", Reason: stoppedDatabase},
	}
	_, _, err := w.run(Provision, up(commitOne))
	w.outOfService(err, "not in available state", "start it in the RDS console")
	w.did("Admit up", "ContinueRollback", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack",
		"ContinueRollback forced", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack")
}

// recreated is what a run does that deletes a stack and creates it again, from its first look at
// the stack.
var recreated = []string{
	"PrepareDeletion", "DeleteStack", "AwaitStack until deleting", "EmptyBucket assets",
	"AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "CreateStack", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack",
	"SeedData", "AwaitReady https://login.example.com",
}

func TestS96PolicyMayRecreateWhatStaysStuck(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_ROLLBACK_FAILED", "old")
	w.admitted.MayRecreate = true
	w.ends = []contract.AwaitResult{{Status: "UPDATE_ROLLBACK_FAILED"}, {Status: "UPDATE_ROLLBACK_FAILED"}}
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || !result.Created {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(append([]string{"Admit up", "ContinueRollback", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack",
		"ContinueRollback forced", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack"}, recreated...)...)
}

// recreate is a request to delete the environment and to create it again.
func recreate(commit string) perch.Request {
	request := up(commit)
	request.ID, request.Recreate = "recreate-"+commit[:4], true
	return request
}

func TestS94RequestedRecreationOfAHealthyStackIsDoneOnce(t *testing.T) {
	for _, status := range []string{"CREATE_COMPLETE", "UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"} {
		t.Run(status, func(t *testing.T) {
			w := newWorld(t)
			w.ours(status, w.rendered.Hash)
			result, _, err := w.run(Provision, recreate(commitOne))
			if err != nil || result.Outcome != perch.OutcomeReady || !result.Created {
				t.Errorf("result %+v, %v", result, err)
			}
			w.did(append([]string{"Admit up"}, recreated...)...)
		})
	}
}

func TestS94RequestedRecreationInterruptsWhatIsInProgress(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_IN_PROGRESS", "old")
	if result, _, err := w.run(Provision, recreate(commitOne)); err != nil || !result.Created {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(append(
		[]string{"Admit up", "CancelUpdate", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack"}, recreated...,
	)...)
}

func TestS94RequestedRecreationDeletesTheStackThatAnEarlierRunBegan(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_IN_PROGRESS", "")
	request := recreate(commitOne)
	result, _, err := w.goOn(Provision, perch.RunInput{
		Request: &request, Begun: &perch.Operation{Commit: commitOne, StackID: stackID, Token: "t", Created: true},
	})
	if err != nil || result.Outcome != perch.OutcomeReady {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(append([]string{"Admit up", "DescribeStack"}, recreated...)...)
}

func TestS223AProtectedStackThatWasNeverReadyIsLeftToAPersonWithWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		kind        perch.Kind
		status, was string
		why         string
	}{
		"production": {
			perch.KindProduction, "ROLLBACK_COMPLETE", "it was never ready", "its kind is production",
		},
		"termination protection": {
			perch.KindBranch, "CREATE_FAILED", "it was never ready", "termination protection is on",
		},
		"half deleted": {
			perch.KindStaging, "DELETE_FAILED", "its deletion was begun and cannot be taken back",
			"its kind is staging",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ours(c.status, "")
			w.stack.Kind, w.stack.Protected = c.kind, true
			_, _, err := w.run(Provision, up(commitOne))
			want := " is " + c.status + ": " + c.was + ", and Perch does not delete it because " + c.why +
				"; its events in the CloudFormation console say why; fix the cause, turn off termination protection " +
				"and delete the stack in the CloudFormation console, then run `perch up login` again"
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
			if slices.Contains(w.calls(), "DeleteStack") {
				t.Errorf("did %q", w.calls())
			}
		})
	}
}

func TestS94RecreationOfAProtectedStackIsRejected(t *testing.T) {
	for name, protect := range map[string]func(*contract.StackState){
		"termination protection": func(s *contract.StackState) { s.Protected = true },
		"kind":                   func(s *contract.StackState) { s.Kind = perch.KindStaging },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ours("UPDATE_COMPLETE", "old")
			protect(&w.stack)
			result, _, err := w.run(Provision, recreate(commitOne))
			if err != nil || result.Outcome != perch.OutcomeRejected ||
				!strings.Contains(result.Reason, "stack shop-login is protected") {
				t.Errorf("result %+v, %v", result, err)
			}
			w.did("Admit up")
		})
	}
}

func TestS94RecreationThatIsDoneIsNotRepeatedAfterARemovalThatIsRejected(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "old")
	w.during["SeedData"] = func() { w.ask(gone()) }
	_, next, err := w.goOn(Provision, perch.RunInput{Request: &[]perch.Request{recreate(commitOne)}[0]})
	if err != nil || next == nil || next.Below == nil || next.Recreated == nil {
		t.Fatalf("handed on %+v, %v", next, err)
	}
	judging := newWorld(t)
	judging.admitted = contract.AdmitResult{Rejection: perch.Reject("not allowed")}
	if _, next, err = judging.goOn(Teardown, *next); err != nil || next == nil || next.Request.Goal != perch.GoalUp {
		t.Fatalf("handed on %+v, %v", next, err)
	}
	after := newWorld(t)
	after.ours("CREATE_COMPLETE", after.rendered.Hash)
	if result, _, err := after.goOn(Provision, *next); err != nil || result.Outcome != perch.OutcomeReady {
		t.Errorf("result %+v, %v", result, err)
	}
	after.did("Admit up", "SeedData", "AwaitReady https://login.example.com")
}

func TestS94RecreationIsNotTakenBackByAPlainRequestForTheSameCommit(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "old")
	w.during["AwaitStack"] = func() { w.ask(recreate(commitOne)); w.ask(up(commitOne)) }
	_, next, err := w.run(Provision, up(commitOne))
	if err != nil || next == nil || !next.Recreate {
		t.Errorf("handed on %+v, %v", next, err)
	}
}

func TestS52StackThatHangsEndsAtOurOwnDeadlineAndCanStillBeRemoved(t *testing.T) {
	w := newWorld(t)
	w.hung = true
	_, _, err := w.run(Provision, up(commitOne))
	const want = "stack shop-login did not settle within 2 hours: look at its events in the CloudFormation console " +
		"for what hangs; `perch down login` can still remove it"
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Message() != want || failure.Type() != perch.ErrorStackFailed {
		t.Fatalf("error %v, want %s", err, want)
	}
	if below := failure.Unwrap(); below != nil {
		t.Errorf("below the sentence is %v, which the starter would show instead", below)
	}
	later := newWorld(t)
	later.ours("CREATE_IN_PROGRESS", "")
	if result, _, err := later.run(Teardown, gone()); err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
}

func TestS54ResourceDeletedByHandFailsEveryPushUntilRecreationIsRequested(t *testing.T) {
	const deleted = "Environment (AWS::ElasticBeanstalk::Environment): No Environment found for EnvironmentName = " +
		"'shop-login'."
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "old")
	w.ends = []contract.AwaitResult{{Status: "UPDATE_ROLLBACK_FAILED", Reason: deleted}}
	if _, _, err := w.run(
		Provision, up(commitOne),
	); err == nil || !strings.Contains(err.Error(), "No Environment found") {
		t.Errorf("error %v", err)
	}
	next := newWorld(t)
	next.ours("UPDATE_ROLLBACK_FAILED", "old")
	next.ends = []contract.AwaitResult{
		{Status: "UPDATE_ROLLBACK_FAILED"}, {Status: "UPDATE_ROLLBACK_COMPLETE"},
		{Status: "UPDATE_ROLLBACK_FAILED", Reason: deleted},
	}
	_, _, err := next.run(Provision, up(commitTwo))
	next.outOfService(err, "No Environment found", "deleted outside of CloudFormation")
	next.did("Admit up", "ContinueRollback", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack",
		"ContinueRollback forced", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack", "UpdateStack",
		"AwaitStack UPDATE_IN_PROGRESS", "DescribeStack")
}

func TestS95FailureSaysWhatAWSsWordsMean(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "old")
	w.ends = []contract.AwaitResult{{Status: "UPDATE_ROLLBACK_COMPLETE", Reason: stoppedDatabase}}
	_, _, err := w.run(Provision, up(commitOne))
	if err == nil || !strings.Contains(
		err.Error(), "ended in UPDATE_ROLLBACK_COMPLETE: "+stoppedDatabase+"; the database is stopped",
	) {
		t.Errorf("error %v", err)
	}
}

func TestFailedStackFailsTheRunWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.ends = []contract.AwaitResult{
		{Status: "ROLLBACK_COMPLETE", Reason: "Database (AWS::RDS::DBInstance): no capacity"},
	}
	_, _, err := w.run(Provision, up(commitOne))
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != perch.ErrorStackFailed ||
		!strings.Contains(err.Error(), "no capacity") {
		t.Errorf("error %v", err)
	}
}

func TestNewerCommitIsHandedOnWhenTheStackIsMade(t *testing.T) {
	w := newWorld(t)
	w.during["AwaitStack"] = func() {
		w.ask(up(commitTwo))
		w.ask(up("3333333333333333333333333333333333333333"))
	}
	_, next, err := w.run(Provision, up(commitOne))
	if err != nil || next == nil || next.Commit[0] != '3' {
		t.Fatalf("handed on %+v, %v", next, err)
	}
	w.did("Admit up", "CreateStack", "AwaitStack CREATE_IN_PROGRESS")
}

func TestRemovalDoesNotWaitForTheCreation(t *testing.T) {
	w := newWorld(t)
	w.held = true
	w.during["AwaitStack"] = func() { w.ask(gone()) }
	_, next, err := w.run(Provision, up(commitOne))
	if err != nil || next == nil || next.Goal != perch.GoalGone {
		t.Fatalf("handed on %+v, %v", next, err)
	}
}

func TestRequestForTheSameCommitIsAnsweredByTheRun(t *testing.T) {
	w := newWorld(t)
	w.during["AwaitStack"] = func() { w.ask(up(commitTwo)); w.ask(up(commitOne)) }
	result, next, err := w.run(Provision, up(commitOne))
	if err != nil || next != nil || result.Outcome != perch.OutcomeReady || result.Commit != commitOne {
		t.Errorf("result %+v, handed on %+v, %v", result, next, err)
	}
}

func TestFailureYieldsToANewerRequest(t *testing.T) {
	w := newWorld(t)
	w.ends = []contract.AwaitResult{{Status: "ROLLBACK_COMPLETE", Reason: "no capacity"}}
	w.during["AwaitStack"] = func() { w.ask(up(commitTwo)) }
	_, next, err := w.run(Provision, up(commitOne))
	if err != nil || next == nil || next.Commit != commitTwo {
		t.Errorf("handed on %+v, %v", next, err)
	}
}

func TestRequestAtTheLastMomentIsNotLost(t *testing.T) {
	for _, last := range []string{"Admit", "SeedData", "AwaitReady"} {
		t.Run(last, func(t *testing.T) {
			w := newWorld(t)
			w.during[last] = func() { w.ask(gone()) }
			if _, next, err := w.run(
				Provision, up(commitOne),
			); err != nil || next == nil || next.Goal != perch.GoalGone {
				t.Errorf("handed on %+v, %v", next, err)
			}
		})
	}
}

func TestRunForTheOtherGoalHandsOnAtOnce(t *testing.T) {
	w := newWorld(t)
	if _, next, err := w.run(Provision, gone()); err != nil || next == nil || next.Goal != perch.GoalGone {
		t.Errorf("handed on %+v, %v", next, err)
	}
	w.did()
}

func TestS66ARunWaitsUntilTheSourceMayBeAskedAgain(t *testing.T) {
	limited := temporal.NewApplicationErrorWithOptions(
		"the rate limit is used up", "RateLimited", temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour},
	)
	w := newWorld(t)
	w.fails = map[string]error{"Admit": limited}
	tries := 0
	w.during["Admit"] = func() {
		if tries++; tries == 2 {
			w.fails = nil
		}
	}
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || tries != 2 {
		t.Errorf("result %+v after %d tries, %v", result, tries, err)
	}
}

func TestS83BucketsThatARemovalClosedAreOpenedAndSeededAgain(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "new")
	w.closed = true
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || !result.Seeded {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit up", "ReopenBuckets", "SeedData", "AwaitReady https://login.example.com")
}

func TestS89UpNamesWhatAnEarlierRemovalLeft(t *testing.T) {
	w := newWorld(t)
	w.earlier = []perch.Leftover{{Branch: "login", StackID: stackID, Resources: []string{"bucket dropped"}}}
	result, _, err := w.run(Provision, up(commitOne))
	if err != nil || result.Outcome != perch.OutcomeReady || len(result.Earlier) != 1 {
		t.Errorf("result %+v, %v", result, err)
	}
}
