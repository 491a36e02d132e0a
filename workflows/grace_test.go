package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/contract"
)

// lastLooks is LastLook as the world has it: keep is why the environment is to be kept.
type lastLooks struct {
	w    *world
	keep string
	// keepIf is a note that keeps the environment when it was entered; empty for none.
	keepIf string
}

func (l *lastLooks) LastLook(_ context.Context, in contract.LastLookInput) (contract.LastLookResult, error) {
	l.w.note("LastLook", "%s", in.Judged.StackID[len(in.Judged.StackID)-1:])
	if l.keepIf != "" && slices.Contains(l.w.taken(), l.keepIf) {
		return contract.LastLookResult{Keep: "pinned"}, nil
	}
	return contract.LastLookResult{Keep: l.keep}, l.w.fails["LastLook"]
}

// newGrace is a world with an environment whose branch is gone.
func newGrace(t *testing.T, keep string) *world {
	w := newWorld(t)
	w.ours("UPDATE_COMPLETE", "new")
	w.env.RegisterActivity(&lastLooks{w: w, keep: keep})
	return w
}

// TestAPinAtTheEndOfTheGraceKeepsTheEnvironment sends a pin when the grace period is over: it waits
// behind a report, or arrives while the last look or what follows it is under way.
func TestAPinAtTheEndOfTheGraceKeepsTheEnvironment(t *testing.T) {
	for _, during := range []string{"Report", "LastLook", "DescribeStack"} {
		t.Run("during "+during, func(t *testing.T) {
			w := newWorld(t)
			w.ours("UPDATE_COMPLETE", "new")
			w.env.RegisterActivity(&lastLooks{w: w, keepIf: "a"})
			sent := make(chan struct{})
			send := sync.OnceFunc(func() { w.env.SignalWorkflow(perch.SignalNote, aNote("a")); close(sent) })
			w.during[during] = send
			if during == "Report" { // Nothing waits for the report.
				w.during["DescribeStack"] = func() { <-sent }
			}
			result, _, err := w.run(Teardown, w.judged(0))
			if err != nil || result.Outcome != perch.OutcomeKept || result.Reason != "pinned" {
				t.Errorf("result %+v, %v; the run did %q", result, err, w.calls())
			}
		})
	}
}

func TestANoteThatCannotBeEnteredKeepsTheEnvironment(t *testing.T) {
	w := newGrace(t, "")
	w.unreported = 1000
	w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(perch.SignalNote, aNote("a")) }, time.Minute)
	result, _, err := w.run(Teardown, w.judged(time.Hour))
	if err != nil || result.Outcome != perch.OutcomeKept || !strings.Contains(result.Reason, "could not be entered") {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone")
}

// judged is the removal that cleanup requests now, with so long a grace period.
func (w *world) judged(grace time.Duration) perch.Request {
	now := w.env.Now()
	request := gone()
	request.ID, request.By, request.Reason = "cleanup", "cleanup", "branch missing"
	request.Judged = &perch.Judgement{StackID: stackID, Commit: commitOne, At: now, Until: now.Add(grace)}
	return request
}

// after asks when so much time of the run has passed.
func (w *world) after(d time.Duration, request func() perch.Request) {
	w.env.RegisterDelayedCallback(func() {
		w.note("after", "%s", d)
		w.ask(request())
	}, d)
}

func (w *world) removed() []string {
	return []string{
		"PrepareDeletion", "DeleteStack", "AwaitStack until deleting", "EmptyBucket assets",
		"AwaitStack DELETE_IN_PROGRESS", "DescribeStack", "VerifyGone assets db",
	}
}

func TestRemovalByCleanupWaitsOutItsGrace(t *testing.T) {
	w := newGrace(t, "")
	began := w.env.Now()
	result, _, err := w.run(Teardown, w.judged(time.Hour))
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	if took := w.env.Now().Sub(began); took < time.Hour {
		t.Errorf("removed after %s", took)
	}
	w.did(append([]string{"Admit gone", "LastLook 1", "DescribeStack"}, w.removed()...)...)
}

func TestRemovalWithoutGraceStillLooksOnceMore(t *testing.T) {
	w := newGrace(t, "")
	result, _, err := w.run(Teardown, w.judged(0))
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did(append([]string{"Admit gone", "LastLook 1", "DescribeStack"}, w.removed()...)...)
}

func TestARemovalByExpirySaysSoUntilTheEnvironmentIsGone(t *testing.T) {
	w := newGrace(t, "")
	request := w.judged(time.Hour)
	request.Judged.Expired = true
	if result, _, err := w.run(Teardown, request); err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	var last perch.Phase
	for _, in := range w.reported() {
		if in.State == nil {
			continue
		}
		if last = in.State.Phase; !in.State.Expired || in.State.RemovedCommit != commitOne {
			t.Errorf("phase %s: %+v", last, in.State)
		}
	}
	if last != perch.PhaseGone {
		t.Errorf("the last phase is %q", last)
	}
}

func TestS18LastLookKeepsWhatIsThereAgain(t *testing.T) {
	w := newGrace(t, "branch login exists again")
	result, _, err := w.run(Teardown, w.judged(time.Hour))
	if err != nil || result.Outcome != perch.OutcomeKept || result.Reason != "branch login exists again" {
		t.Errorf("result %+v, %v", result, err)
	}
	w.did("Admit gone", "LastLook 1")
}

func TestS18PushDuringTheGraceKeepsTheEnvironment(t *testing.T) {
	w := newGrace(t, "")
	w.after(time.Minute, func() perch.Request { return up(commitTwo) })
	_, next, err := w.run(Teardown, w.judged(time.Hour))
	if err != nil || next == nil || next.Commit != commitTwo {
		t.Errorf("handed on %+v, %v", next, err)
	}
	w.did("Admit gone", "after 1m0s")
}

func TestPushDuringTheLastLookKeepsTheEnvironment(t *testing.T) {
	w := newGrace(t, "")
	w.during["LastLook"] = func() { w.ask(up(commitTwo)) }
	_, next, err := w.run(Teardown, w.judged(0))
	if err != nil || next == nil || next.Commit != commitTwo {
		t.Errorf("handed on %+v, %v", next, err)
	}
	w.did("Admit gone", "LastLook 1")
}

func TestCleanupIsAbsorbedDuringTheGrace(t *testing.T) {
	w := newGrace(t, "")
	w.after(time.Minute, func() perch.Request { return w.judged(time.Hour) })
	began := w.env.Now()
	result, _, err := w.run(Teardown, w.judged(time.Hour))
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	if took := w.env.Now().Sub(began); took > time.Hour+time.Second {
		t.Errorf("the second request made the grace period %s long", took)
	}
}

func TestCleanupWithoutGraceBringsTheEndForward(t *testing.T) {
	w := newGrace(t, "")
	w.after(time.Minute, func() perch.Request { return w.judged(0) })
	began := w.env.Now()
	result, _, err := w.run(Teardown, w.judged(time.Hour))
	if err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	if took := w.env.Now().Sub(began); took > 2*time.Minute {
		t.Errorf("the grace period was %s long", took)
	}
	w.did(append([]string{"Admit gone", "after 1m0s", "LastLook 1", "DescribeStack"}, w.removed()...)...)
}

func TestARunThatIsCancelledInItsGraceEndsAndTouchesNothing(t *testing.T) {
	w := newGrace(t, "")
	w.env.RegisterDelayedCallback(w.env.CancelWorkflow, time.Minute)
	_, next, err := w.run(Teardown, w.judged(time.Hour))
	var cancelled *temporal.CanceledError
	if !errors.As(err, &cancelled) || next != nil {
		t.Errorf("handed on %+v, %v", next, err)
	}
	w.did("Admit gone")
}

func TestRemovalByHandEndsTheGraceAndSkipsTheLastLook(t *testing.T) {
	w := newGrace(t, "branch login exists again")
	w.after(time.Minute, gone)
	_, next, err := w.run(Teardown, w.judged(time.Hour))
	if err != nil || next == nil || next.Judged != nil || next.Goal != perch.GoalGone {
		t.Fatalf("handed on %+v, %v", next, err)
	}
	w.did("Admit gone", "after 1m0s")
	again := newGrace(t, "branch login exists again")
	if result, _, err := again.run(Teardown, *next); err != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, %v", result, err)
	}
	again.did(append([]string{"Admit gone", "DescribeStack"}, again.removed()...)...)
}

func TestRemovalByHandIsNotLostToCleanup(t *testing.T) {
	w := newGrace(t, "")
	w.during["Admit"] = func() { w.ask(gone()); w.ask(w.judged(time.Hour)) }
	if _, next, err := w.run(Teardown, w.judged(time.Hour)); err != nil || next == nil || next.Judged != nil {
		t.Errorf("handed on %+v, %v", next, err)
	}
}

func TestRemovalThatHasBegunAnswersEverybody(t *testing.T) {
	w := newGrace(t, "")
	w.during["EmptyBucket"] = func() { w.ask(gone()); w.ask(w.judged(time.Hour)) }
	result, next, err := w.run(Teardown, w.judged(0))
	if err != nil || next != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, handed on %+v, %v", result, next, err)
	}
}

func TestS18CleanupIsDroppedWhereAPushCameAfterItsJudgement(t *testing.T) {
	t.Run("the push is being carried out", func(t *testing.T) {
		w := newGrace(t, "")
		w.during["Admit"] = func() { w.ask(w.judged(0)) }
		result, next, err := w.run(Provision, up(commitOne))
		if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
			t.Errorf("result %+v, handed on %+v, %v", result, next, err)
		}
	})
	t.Run("the push waits behind an earlier removal", func(t *testing.T) {
		w := newGrace(t, "")
		w.during["EmptyBucket"] = func() { w.ask(up(commitTwo)); w.ask(w.judged(0)) }
		_, next, err := w.run(Teardown, gone())
		if err != nil || next == nil || next.Commit != commitTwo {
			t.Errorf("handed on %+v, %v", next, err)
		}
	})
}

func TestJudgementOfAnotherStackIsAnotherTarget(t *testing.T) {
	w := newGrace(t, "")
	w.after(time.Minute, func() perch.Request {
		other := w.judged(time.Hour)
		other.Judged.StackID += "2"
		return other
	})
	_, next, err := w.run(Teardown, w.judged(time.Hour))
	if err != nil || next == nil || next.Judged == nil || next.Judged.StackID != stackID+"2" {
		t.Errorf("handed on %+v, %v", next, err)
	}
}

func TestANewerRequestEndsALastLookThatIsTriedAgain(t *testing.T) {
	for name, newer := range map[string]perch.Request{"down": gone(), "up": up(commitTwo)} {
		t.Run(name, func(t *testing.T) {
			w := newGrace(t, "")
			w.fails["LastLook"] = errors.New("no route to host")
			began := w.env.Now()
			w.after(2*time.Minute, func() perch.Request { return newer })
			judged := w.judged(time.Minute)
			_, next, err := w.goOn(Teardown, perch.RunInput{Request: &judged})
			if err != nil || next == nil || next.Request.Goal != newer.Goal {
				t.Fatalf("next %+v, %v", next, err)
			}
			if took := w.env.Now().Sub(began); took > 2*time.Minute+time.Second {
				t.Errorf("the request waited until %s", took)
			}
		})
	}
}
