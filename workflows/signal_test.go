package workflows

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"perch"
)

// TestS108ASignalThatCannotBeDecodedLeavesNoRunOpen starts runs by signals of every shape that
// holds no request.
func TestS108ASignalThatCannotBeDecodedLeavesNoRunOpen(t *testing.T) {
	for name, signal := range map[string]any{
		"a text": "text", "a number": 7, "a list": []string{"up"}, "bytes": []byte{1, 2},
		"the wrong types": map[string]any{"goal": 1},
	} {
		t.Run(name+", alone", func(t *testing.T) {
			w := newWorld(t)
			w.env.RegisterDelayedCallback(func() { w.env.SignalWorkflow(perch.SignalRequest, signal) }, 0)
			_, next, err := w.goOn(Provision, perch.RunInput{})
			var failure *temporal.ApplicationError
			if !errors.As(err, &failure) || failure.Type() != perch.ErrorInvalid || !failure.NonRetryable() ||
				next != nil {
				t.Fatalf("handed on %+v, %v", next, err)
			}
			if !strings.Contains(failure.Message(), "holds no request") ||
				!strings.Contains(failure.Message(), "perch up") {
				t.Errorf("says %q", failure.Message())
			}
			w.did()
		})
		t.Run(name+", before a request", func(t *testing.T) {
			w := newWorld(t)
			w.env.RegisterDelayedCallback(func() {
				w.env.SignalWorkflow(perch.SignalRequest, signal)
				w.ask(up(commitOne))
			}, 0)
			result, next, err := w.goOn(Provision, perch.RunInput{})
			if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
				t.Errorf("result %+v, handed on %+v, %v", result, next, err)
			}
		})
		t.Run(name+", later", func(t *testing.T) {
			w := newWorld(t)
			first := up(commitOne)
			w.during["AwaitStack"] = func() { w.env.SignalWorkflow(perch.SignalRequest, signal) }
			result, next, err := w.goOn(Provision, perch.RunInput{Request: &first})
			if err != nil || next != nil || result.Outcome != perch.OutcomeReady {
				t.Errorf("result %+v, handed on %+v, %v", result, next, err)
			}
		})
	}
}

func TestS109AGracePeriodIsCutToThePolicys(t *testing.T) {
	const policy = 3 * time.Hour
	for name, test := range map[string]struct{ asked, policy, want time.Duration }{
		"the policy's":                       {policy, policy, policy},
		"a longer one":                       {policy + 2*time.Hour, policy, policy},
		"the year 9999":                      {time.Until(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), policy, policy},
		"a shorter one":                      {time.Hour, policy, time.Hour},
		"one that is up":                     {-time.Hour, policy, 0},
		"too long, and no policy is told":    {perch.MaxGrace + 2*time.Hour, 0, perch.MaxGrace},
		"the longest that a policy may have": {perch.MaxGrace, perch.MaxGrace, perch.MaxGrace},
	} {
		t.Run(name, func(t *testing.T) {
			w := newGrace(t, "")
			w.admitted.GraceSeconds = int(test.policy.Seconds())
			removal := w.judged(test.asked)
			began := w.env.Now()
			result, next, err := w.goOn(Teardown, perch.RunInput{Request: &removal})
			if err != nil || next != nil || result.Outcome != perch.OutcomeGone {
				t.Errorf("result %+v, handed on %+v, %v", result, next, err)
			}
			if took := w.env.Now().Sub(began); took < test.want || took > test.want+time.Hour {
				t.Errorf("the removal took %s, want %s", took, test.want)
			}
		})
	}
}
