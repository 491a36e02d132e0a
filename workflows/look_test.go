package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
)

// view stands for everything outside a Look.
type view struct {
	env *testsuite.TestWorkflowEnvironment
	// during is called in each look with its number, from 1; it returns what the look finds.
	during func(number int) (contract.LookResult, error)
	// looks are the hints that were looked for, with the seconds since the run began.
	looks []string
	// noUps are what the hints said of an up.
	noUps []bool
	began time.Time
}

func newView(during func(int) (contract.LookResult, error)) *view {
	var suite testsuite.WorkflowTestSuite
	v := &view{env: suite.NewTestWorkflowEnvironment(), during: during}
	v.env.RegisterActivity(v)
	v.env.SetTestTimeout(time.Minute)
	v.began = v.env.Now()
	return v
}

func (v *view) LookAtBranch(_ context.Context, in contract.LookInput) (contract.LookResult, error) {
	v.looks = append(v.looks, fmt.Sprintf("%s after %gs", in.Hint.Reason, in.At.Sub(v.began).Seconds()))
	v.noUps = append(v.noUps, in.Hint.NoUp)
	return v.during(len(v.looks))
}

// hint sends a hint after some seconds.
func (v *view) hint(seconds float64, reason string) {
	v.env.RegisterDelayedCallback(func() { v.env.SignalWorkflow(perch.SignalLook, perch.Hint{Reason: reason}) },
		time.Duration(seconds*float64(time.Second)))
}

func (v *view) run(t *testing.T, in perch.LookInput) (perch.LookResult, error) {
	t.Helper()
	in.Environment = activitytest.Environment("shop", "login")
	v.env.ExecuteWorkflow(Look, in)
	if !v.env.IsWorkflowCompleted() {
		t.Fatal("the run did not end")
	}
	if err := v.env.GetWorkflowError(); err != nil {
		return perch.LookResult{}, err
	}
	var result perch.LookResult
	err := v.env.GetWorkflowResult(&result)
	return result, err
}

func (v *view) looked(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(v.looks, want) {
		t.Errorf("looked %q, want %q", v.looks, want)
	}
}

func finds(reason string) (contract.LookResult, error) {
	return contract.LookResult{LookResult: perch.LookResult{Reason: reason}}, nil
}

func TestALookWaitsUntilNoHintArrives(t *testing.T) {
	v := newView(func(int) (contract.LookResult, error) { return finds("commit is deployed") })
	for i, reason := range []string{"branch created", "push", "pull request #1 opened"} {
		v.hint(float64(i)*2, reason)
	}
	result, err := v.run(t, perch.LookInput{})
	if err != nil || result.Reason != "commit is deployed" {
		t.Errorf("%+v, %v", result, err)
	}
	v.looked(t, "pull request #1 opened after 9s")
}

func TestHintsDoNotPutALookOffForEver(t *testing.T) {
	v := newView(func(int) (contract.LookResult, error) { return finds("") })
	for i := range 60 {
		v.hint(float64(i), fmt.Sprint("push ", i))
	}
	if _, err := v.run(t, perch.LookInput{}); err != nil {
		t.Fatal(err)
	}
	v.looked(t, "push 29 after 30s", "push 59 after 60s")
}

func TestAHintDuringALookHasItLookAgain(t *testing.T) {
	for name, first := range map[string]error{
		"that succeeds": nil, "that fails": temporal.NewNonRetryableApplicationError("renamed", "Invalid", nil),
	} {
		t.Run(name, func(t *testing.T) {
			var v *view
			v = newView(func(number int) (contract.LookResult, error) {
				if number == 1 {
					v.env.SignalWorkflow(perch.SignalLook, perch.Hint{Reason: "branch deleted"})
					return contract.LookResult{}, first
				}
				return finds("branch missing")
			})
			v.hint(0, "push")
			result, err := v.run(t, perch.LookInput{})
			if err != nil || result.Reason != "branch missing" {
				t.Errorf("%+v, %v", result, err)
			}
			v.looked(t, "push after 3s", "branch deleted after 6s")
		})
	}
}

func TestALookThatFailsSaysWhy(t *testing.T) {
	v := newView(func(int) (contract.LookResult, error) {
		return contract.LookResult{}, temporal.NewNonRetryableApplicationError(
			"the repository was renamed", perch.ErrorInvalid, nil,
		)
	})
	var failure *temporal.ApplicationError
	if _, err := v.run(
		t, perch.LookInput{},
	); !errors.As(err, &failure) || failure.Message() != "the repository was renamed" {
		t.Errorf("error %v", err)
	}
}

func TestALookWaitsForTheRunThatIgnoresARemoval(t *testing.T) {
	v := newView(func(number int) (contract.LookResult, error) {
		out, err := finds("branch missing")
		out.Busy = number < 3
		return out, err
	})
	v.hint(0, "branch deleted")
	if _, err := v.run(t, perch.LookInput{}); err != nil {
		t.Fatal(err)
	}
	v.looked(t, "branch deleted after 3s", "branch deleted after 66s", "branch deleted after 189s")
}

func TestALookLeavesABranchThatStaysBusyToCleanup(t *testing.T) {
	v := newView(func(int) (contract.LookResult, error) {
		out, err := finds("a run works for an up")
		out.Busy = true
		return out, err
	})
	result, err := v.run(t, perch.LookInput{})
	if err != nil || result.Reason != "a run works for an up" || len(v.looks) != 1+busyPauses {
		t.Errorf("%d looks: %+v, %v", len(v.looks), result, err)
	}
}

func TestAPushEndsTheWaitForAnotherRun(t *testing.T) {
	v := newView(func(number int) (contract.LookResult, error) {
		out, err := finds("pushed again")
		out.Busy = number == 1
		return out, err
	})
	v.hint(10, "push")
	if _, err := v.run(t, perch.LookInput{}); err != nil {
		t.Fatal(err)
	}
	v.looked(t, " after 3s", "push after 13s")
}

func TestALookWithManyHintsContinuesAsNewAndLosesNone(t *testing.T) {
	var v *view
	v = newView(func(number int) (contract.LookResult, error) {
		v.env.SignalWorkflow(perch.SignalLook, perch.Hint{Reason: fmt.Sprint("push ", number)})
		return finds("")
	})
	_, err := v.run(t, perch.LookInput{})
	next, ok := asContinueAsNew(err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	var in perch.LookInput
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
		t.Fatal(err)
	}
	if len(v.looks) != looksInARun || in.Hint == nil || in.Hint.Reason != fmt.Sprint("push ", looksInARun) ||
		in.Environment.Branch != "login" {
		t.Errorf("%d looks, then %+v", len(v.looks), in)
	}
	again := newView(func(int) (contract.LookResult, error) { return finds("") })
	if _, err := again.run(t, in); err != nil {
		t.Fatal(err)
	}
	again.looked(t, "push 10 after 3s")
}

func TestWhatOneHintAllowsALaterOneDoesNotTakeBack(t *testing.T) {
	for name, c := range map[string]struct {
		first, second bool
		want          []bool
	}{
		"a push, then a label": {false, true, []bool{false}},
		"a label, then a push": {true, false, []bool{false}},
		"two labels":           {true, true, []bool{true}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newView(func(int) (contract.LookResult, error) { return finds("") })
			for i, noUp := range []bool{c.first, c.second} {
				v.env.RegisterDelayedCallback(func() { v.env.SignalWorkflow(perch.SignalLook, perch.Hint{NoUp: noUp}) },
					time.Duration(i)*time.Second)
			}
			if _, err := v.run(t, perch.LookInput{}); err != nil || !slices.Equal(v.noUps, c.want) {
				t.Errorf("looked with %v, %v", v.noUps, err)
			}
		})
	}
	t.Run("a push, and a label after the look", func(t *testing.T) {
		var v *view
		v = newView(func(number int) (contract.LookResult, error) {
			if number == 1 {
				v.env.SignalWorkflow(perch.SignalLook, perch.Hint{NoUp: true})
			}
			return finds("")
		})
		v.hint(0, "push")
		if _, err := v.run(t, perch.LookInput{}); err != nil || !slices.Equal(v.noUps, []bool{false, true}) {
			t.Errorf("looked with %v, %v", v.noUps, err)
		}
	})
	t.Run("a push whose look fails, and a label", func(t *testing.T) {
		var v *view
		v = newView(func(number int) (contract.LookResult, error) {
			if number == 1 {
				v.env.SignalWorkflow(perch.SignalLook, perch.Hint{NoUp: true})
				return contract.LookResult{}, temporal.NewNonRetryableApplicationError("renamed", "Invalid", nil)
			}
			return finds("")
		})
		v.hint(0, "push")
		if _, err := v.run(t, perch.LookInput{}); err != nil || !slices.Equal(v.noUps, []bool{false, false}) {
			t.Errorf("looked with %v, %v", v.noUps, err)
		}
	})
}

func TestASignalThatHoldsNoHintStillCounts(t *testing.T) {
	v := newView(func(int) (contract.LookResult, error) { return finds("") })
	v.env.RegisterDelayedCallback(func() { v.env.SignalWorkflow(perch.SignalLook, "gibberish") }, 0)
	if _, err := v.run(t, perch.LookInput{Hint: &perch.Hint{Reason: "push"}}); err != nil {
		t.Fatal(err)
	}
	v.looked(t, "push after 3s")
}
