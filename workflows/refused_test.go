package workflows

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
)

// rejecting is a world whose policy rejects every removal.
func rejecting(t *testing.T) *world {
	w := newWorld(t)
	w.admitted = contract.AdmitResult{Rejection: perch.Reject("main is protected")}
	return w
}

func begunAt(commit string) *perch.Operation {
	return &perch.Operation{Commit: commit, StackID: stackID, Token: "token", Created: true}
}

// input is one of the chain's runs.
func input(in perch.RunInput) *perch.RunInput {
	in.Environment = activitytest.Environment("shop", "login")
	return &in
}

func handsOn(t *testing.T, got *perch.RunInput, err error, want perch.RunInput) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(input(want), got, cmpopts.IgnoreFields(perch.RunInput{}, "Unreported")); diff != "" {
		t.Errorf("handed on (-want +got):\n%s", diff)
	}
}

func TestRemovalCarriesWhatItMayNotOvertake(t *testing.T) {
	first, second, removal := up(commitOne), up(commitTwo), gone()
	for name, c := range map[string]struct {
		asked []perch.Request
		below *perch.Request
	}{
		"the run's own commit":            {[]perch.Request{removal}, &first},
		"the newest that waits":           {[]perch.Request{second, removal}, &second},
		"the newest below two removals":   {[]perch.Request{removal, second, removal}, &second},
		"the same below a second removal": {[]perch.Request{second, removal, removal}, &second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.during["SeedData"] = func() {
				for _, request := range c.asked {
					w.ask(request)
				}
			}
			_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
			handsOn(t, next, err, perch.RunInput{Request: &removal, Below: c.below})
		})
	}
}

func TestRejectedRemovalHandsBack(t *testing.T) {
	first, second, removal := up(commitOne), up(commitTwo), gone()
	rejection := &perch.EndedRemoval{Request: removal, Rejection: perch.Reject("main is protected")}
	t.Run("to the commit below it", func(t *testing.T) {
		w := rejecting(t)
		_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal, Below: &first, Begun: begunAt(commitOne)})
		handsOn(t, next, err, perch.RunInput{Request: &first, Begun: begunAt(commitOne), Ended: rejection})
		w.did("Admit gone")
	})
	t.Run("to a newer commit", func(t *testing.T) {
		w := rejecting(t)
		w.during["Admit"] = func() { w.ask(second) }
		_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal, Below: &first})
		handsOn(t, next, err, perch.RunInput{Request: &second, Ended: rejection})
	})
	t.Run("to a commit that a repeat of the removal was requested after", func(t *testing.T) {
		w := rejecting(t)
		w.during["Admit"] = func() { w.ask(second); w.ask(removal) }
		_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal})
		handsOn(t, next, err, perch.RunInput{Request: &second, Ended: rejection})
	})
	t.Run("where the stack is what rejects", func(t *testing.T) {
		w := newWorld(t)
		w.ours("UPDATE_IN_PROGRESS", "old")
		w.stack.Protected = true
		_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal, Below: &first})
		if err != nil || next == nil || next.Request.Commit != commitOne || next.Ended == nil {
			t.Errorf("handed on %+v, %v", next, err)
		}
		w.did("Admit gone", "DescribeStack")
	})
	t.Run("and to nothing where there is nothing", func(t *testing.T) {
		w := rejecting(t)
		result, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal})
		if err != nil || next != nil || result.Outcome != perch.OutcomeRejected {
			t.Errorf("result %+v, handed on %+v, %v", result, next, err)
		}
	})
}

func TestRemovalThatFailsBeforeItIsDueHandsBack(t *testing.T) {
	first, second, removal := up(commitOne), up(commitTwo), gone()
	for name, last := range map[string]string{
		"Admit": "Admit gone", "LastLook": "LastLook 1", "DescribeStack": "DescribeStack",
	} {
		t.Run("from "+name, func(t *testing.T) {
			w := newGrace(t, "")
			w.fails = map[string]error{name: denied()}
			target := removal
			if name == "LastLook" {
				target = w.judged(time.Hour)
			}
			_, next, err := w.goOn(Teardown, perch.RunInput{Request: &target, Below: &first, Begun: begunAt(commitOne)})
			rejection := &perch.EndedRemoval{Request: target, Failure: "the role lacks it"}
			handsOn(t, next, err, perch.RunInput{Request: &first, Begun: begunAt(commitOne), Ended: rejection})
			if did := w.calls()[len(w.calls())-1]; did != last {
				t.Errorf("the last thing was %s, want %s", did, last)
			}
		})
	}
	forced := gone()
	forced.ID, forced.Force = "forced", true
	for name, want := range map[string]perch.RunInput{
		"but to a newer commit, which has taken its place":   {Request: &second},
		"but to a forced removal, which has taken its place": {Request: &forced, Below: &first},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fails = map[string]error{"Admit": denied()}
			w.during["Admit"] = func() { w.ask(*want.Request) }
			_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal, Below: &first})
			handsOn(t, next, err, want)
		})
	}
	for name, in := range map[string]perch.RunInput{
		"but not where there is nothing":  {Request: &removal},
		"but not where it was due before": {Request: &removal, Below: &first, Due: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fails = map[string]error{"Admit": denied()}
			if _, next, err := w.goOn(Teardown, in); err == nil || said(err) != "the role lacks it" {
				t.Errorf("handed on %+v, %v", next, err)
			}
		})
	}
}

func TestRemovalThatNothingRejectsIsAnnouncedBeforeItTakesTheCommitsPlace(t *testing.T) {
	first, removal := up(commitOne), gone()
	w := newWorld(t)
	w.ours("CREATE_IN_PROGRESS", "")
	_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal, Below: &first, Begun: begunAt(commitOne)})
	handsOn(t, next, err, perch.RunInput{Request: &removal, Below: &first, Due: true, Begun: begunAt(commitOne)})
	w.did("Admit gone", "DescribeStack", "PrepareDeletion")

	due := newWorld(t)
	due.ours("CREATE_IN_PROGRESS", "")
	result, next, err := due.goOn(Teardown, *next)
	if err != nil || next != nil || result.Outcome != perch.OutcomeGone {
		t.Errorf("result %+v, handed on %+v, %v", result, next, err)
	}
}

func TestOperationThatGoesOnIsWaitedForAsIfNothingHadBeen(t *testing.T) {
	first := up(commitOne)
	t.Run("to its end", func(t *testing.T) {
		w := newWorld(t)
		w.ours("CREATE_IN_PROGRESS", "")
		result, _, err := w.goOn(Provision, perch.RunInput{Request: &first, Begun: begunAt(commitOne)})
		if err != nil || result.Outcome != perch.OutcomeReady || !result.Created || !result.Seeded {
			t.Errorf("result %+v, %v", result, err)
		}
		w.did(
			"Admit up", "AwaitStack CREATE_IN_PROGRESS", "DescribeStack", "SeedData",
			"AwaitReady https://login.example.com",
		)
	})
	t.Run("and fails as it would have", func(t *testing.T) {
		w := newWorld(t)
		w.ours("CREATE_IN_PROGRESS", "")
		w.ends = []contract.AwaitResult{{Status: "ROLLBACK_COMPLETE", Reason: "no capacity"}}
		_, _, err := w.goOn(Provision, perch.RunInput{Request: &first, Begun: begunAt(commitOne)})
		if err == nil || len(w.calls()) != 2 {
			t.Errorf("%v after %q", err, w.calls())
		}
	})
	t.Run("unless it is another commit's", func(t *testing.T) {
		w := newWorld(t)
		w.ours("CREATE_IN_PROGRESS", "")
		w.ends = []contract.AwaitResult{{Status: "CREATE_COMPLETE"}}
		result, _, err := w.goOn(Provision, perch.RunInput{Request: &first, Begun: begunAt(commitTwo)})
		if err != nil || result.Created {
			t.Errorf("result %+v, %v", result, err)
		}
	})
}

func TestRequestThatIsNotOfTheEnvironmentChangesNothing(t *testing.T) {
	first := up(commitOne)
	for name, change := range map[string]func(*perch.Request){
		"another branch's":        func(r *perch.Request) { r.Branch = "main" },
		"another project's":       func(r *perch.Request) { r.Project = "other" },
		"a goal that there isn't": func(r *perch.Request) { r.Goal = "destroy" },
		"empty":                   func(r *perch.Request) { *r = perch.Request{} },
	} {
		stray := gone()
		change(&stray)
		t.Run(name+", beside others", func(t *testing.T) {
			w := newWorld(t)
			w.during["Admit"] = func() { w.ask(stray) }
			result, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
			if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
				t.Errorf("result %+v, handed on %+v, %v", result, next, err)
			}
		})
		t.Run(name+", before another", func(t *testing.T) {
			w := newWorld(t)
			w.env.RegisterDelayedCallback(func() { w.ask(stray); w.ask(first) }, 0)
			result, next, err := w.goOn(Provision, perch.RunInput{})
			if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
				t.Errorf("result %+v, handed on %+v, %v", result, next, err)
			}
		})
		t.Run(name+", alone", func(t *testing.T) {
			w := newWorld(t)
			w.env.RegisterDelayedCallback(func() { w.ask(stray) }, 0)
			_, next, err := w.goOn(Teardown, perch.RunInput{})
			var failure *temporal.ApplicationError
			if !errors.As(err, &failure) || failure.Type() != perch.ErrorInvalid || !failure.NonRetryable() ||
				next != nil {
				t.Errorf("handed on %+v, %v", next, err)
			}
			w.did()
		})
	}
}

func TestForceIsNotLostToAnotherRemoval(t *testing.T) {
	first, removal, forced := up(commitOne), gone(), gone()
	forced.ID, forced.Force = "forced", true
	t.Run("that comes while one without it is carried out", func(t *testing.T) {
		w := newWorld(t)
		w.ours("CREATE_COMPLETE", "new")
		w.during["EmptyBucket"] = func() { w.ask(forced); w.ask(removal) }
		_, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal})
		handsOn(t, next, err, perch.RunInput{Request: &forced})
	})
	t.Run("that comes while both wait", func(t *testing.T) {
		w := newWorld(t)
		w.during["SeedData"] = func() { w.ask(forced); w.ask(removal) }
		_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
		handsOn(t, next, err, perch.RunInput{Request: &forced, Below: &first})
	})
	t.Run("but ends with a push", func(t *testing.T) {
		w := newWorld(t)
		w.during["SeedData"] = func() { w.ask(forced); w.ask(up(commitTwo)); w.ask(removal) }
		_, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
		second := up(commitTwo)
		handsOn(t, next, err, perch.RunInput{Request: &removal, Below: &second})
	})
}

func TestSignalThatIsNotARequestHoldsNothingUp(t *testing.T) {
	first := up(commitOne)
	t.Run("while the stack is waited for", func(t *testing.T) {
		w := newWorld(t)
		w.during["AwaitStack"] = func() { w.env.SignalWorkflow(perch.SignalRequest, "text") }
		result, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
		if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
			t.Errorf("result %+v, handed on %+v, %v", result, next, err)
		}
	})
	t.Run("in the grace period", func(t *testing.T) {
		w := newGrace(t, "")
		removal := w.judged(time.Hour)
		w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(perch.SignalRequest, "text") }, time.Minute)
		result, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal})
		if err != nil || next != nil || result.Outcome != perch.OutcomeGone {
			t.Errorf("result %+v, handed on %+v, %v", result, next, err)
		}
	})
}
