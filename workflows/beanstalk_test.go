package workflows

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/contract"
)

func TestS170ARemovalDuringALaunchWaitsForBeanstalk(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_IN_PROGRESS", "")
	result, _, err := w.run(Teardown, gone())
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit gone",
		"DescribeStack",
		"PrepareDeletion",
		"AwaitBeanstalk",
		"DeleteStack",
		"AwaitStack until deleting",
		"EmptyBucket assets",
		"AwaitStack DELETE_IN_PROGRESS",
		"DescribeStack",
		"VerifyGone assets db",
	)
}

func TestS170ASettledStackIsDeletedWithoutAWait(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_COMPLETE", "")
	if _, _, err := w.run(Teardown, gone()); err != nil {
		t.Error(err)
	}
	if slices.Contains(w.calls(), "AwaitBeanstalk") {
		t.Errorf("the run did %q", w.calls())
	}
}

func TestS170APushDuringTheWaitKeepsTheLaunch(t *testing.T) {
	w := newWorld(t)
	w.ours("CREATE_IN_PROGRESS", "")
	w.during["AwaitBeanstalk"] = func() { w.ask(up(commitTwo)) }
	_, next, err := w.run(Teardown, gone())
	if err != nil || next == nil || next.Commit != commitTwo {
		t.Errorf("next %+v, %v", next, err)
	}
	if slices.Contains(w.calls(), "DeleteStack") {
		t.Errorf("the run did %q", w.calls())
	}
}

func TestS171EveryRollbackWaitsForBeanstalk(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_ROLLBACK_FAILED", "old")
	w.ends = []contract.AwaitResult{{Status: "UPDATE_ROLLBACK_FAILED"}}
	if result, _, err := w.run(Provision, up(commitOne)); err != nil || result.Outcome != perch.OutcomeReady {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit up", "AwaitBeanstalk", "ContinueRollback", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack",
		"AwaitBeanstalk", "ContinueRollback forced", "AwaitStack UPDATE_ROLLBACK_IN_PROGRESS", "DescribeStack",
		"UpdateStack", "AwaitStack UPDATE_IN_PROGRESS", "DescribeStack", "SeedData",
		"AwaitReady https://login.example.com")
}

func TestAnEnvironmentThatIsNeverReadyFailsTheRunWithAdvice(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_ROLLBACK_FAILED", "old")
	w.fails["AwaitBeanstalk"] = temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil)
	_, _, err := w.run(Provision, up(commitOne))
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != perch.ErrorStackFailed {
		t.Fatalf("error %v", err)
	}
	if !strings.Contains(failure.Message(), "was not ready within 2 hours") {
		t.Errorf("%q", failure.Message())
	}
}

func TestS173WhatTheBranchNoLongerSetsIsRemovedAfterTheUpdate(t *testing.T) {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "old")
	w.withdraws = true
	if result, _, err := w.run(Provision, up(commitOne)); err != nil || result.Outcome != perch.OutcomeReady {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(
		"Admit up",
		"UpdateStack",
		"AwaitStack UPDATE_IN_PROGRESS",
		"DescribeStack",
		"WithdrawOptions",
		"SeedData",
		"AwaitReady https://login.example.com",
	)
}

func TestS178ACreationIsTriedAgainWhenAnotherTookThePriority(t *testing.T) {
	for collisions, want := range map[int]perch.Outcome{2: perch.OutcomeReady, 3: ""} {
		w := newWorld(t)
		taken := contract.AwaitResult{
			Status: "ROLLBACK_COMPLETE",
			Reason: "Environment: Priority '7' is currently in use (Error Code: PriorityInUse)",
		}
		for range collisions {
			w.ends = append(w.ends, taken, contract.AwaitResult{Status: "DELETE_COMPLETE"})
		}
		w.ends = w.ends[:2*min(collisions, 3)]
		result, _, err := w.run(Provision, up(commitOne))
		if want != "" && (err != nil || result.Outcome != want) || want == "" && err == nil {
			t.Errorf("after %d collisions: result %+v, %v", collisions, result, err)
		}
	}
}
