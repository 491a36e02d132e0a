// Package activitytest runs activities as a worker would, and checks their errors, for tests.
package activitytest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"perch"
)

// Try runs an activity.
func Try[In, Out any](activity func(context.Context, In) (Out, error), in In) (out Out, err error) {
	return TryIn(NewEnvironment(), activity, in)
}

// Environment names a branch's environment, and panics if it cannot be one.
func Environment(project, branch string) perch.Environment {
	environment, err := perch.NewEnvironment(project, branch)
	if err != nil {
		panic(err)
	}
	return environment
}

// NewEnvironment is an environment for one activity.
func NewEnvironment() *testsuite.TestActivityEnvironment {
	return NewSuite().NewTestActivityEnvironment().SetTestTimeout(time.Minute)
}

// NewSuite is a suite that logs nothing.
func NewSuite() *testsuite.WorkflowTestSuite {
	suite := new(testsuite.WorkflowTestSuite)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	return suite
}

// TryIn runs an activity in env.
func TryIn[In, Out any](
	env *testsuite.TestActivityEnvironment, activity func(context.Context, In) (Out, error), in In,
) (out Out, err error) {
	env.RegisterActivity(activity)
	value, err := env.ExecuteActivity(activity, in)
	if err == nil {
		err = value.Get(&out)
	}
	return out, err
}

// WantFinal checks that an error is of a type that Temporal does not try again after, and says the
// words.
func WantFinal(t *testing.T, err error, kind string, words ...string) {
	t.Helper()
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != kind || !failure.NonRetryable() {
		t.Fatalf("error = %v, want a final one of type %s", err, kind)
	}
	WantWords(t, failure.Message(), words...)
}

// WantRetry checks that an error is one that Temporal tries again after.
func WantRetry(t *testing.T, err error, words ...string) {
	t.Helper()
	var failure *temporal.ApplicationError
	if err == nil || errors.As(err, &failure) && failure.NonRetryable() {
		t.Fatalf("error = %v, want one that is tried again after", err)
	}
	WantWords(t, err.Error(), words...)
}

// WantWords checks that a text says the words.
func WantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}
