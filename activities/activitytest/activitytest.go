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

// Environment returns the environment of a branch. It panics if project or branch is not a valid
// name.
func Environment(project, branch string) perch.Environment {
	environment, err := perch.NewEnvironment(project, branch)
	if err != nil {
		panic(err)
	}
	return environment
}

// NewEnvironment returns Temporal's test environment for one activity.
func NewEnvironment() *testsuite.TestActivityEnvironment {
	return NewSuite().NewTestActivityEnvironment().SetTestTimeout(time.Minute)
}

// NewSuite returns Temporal's test suite, without its log.
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

// WantFinal checks that err is an error of type kind that Temporal does not retry, and that its
// message contains all words.
func WantFinal(t *testing.T, err error, kind string, words ...string) {
	t.Helper()
	var failure *temporal.ApplicationError
	if !errors.As(err, &failure) || failure.Type() != kind || !failure.NonRetryable() {
		t.Fatalf("error = %v, want one of type %s that is not retried", err, kind)
	}
	WantWords(t, failure.Message(), words...)
}

// WantRetry checks that err is an error that Temporal retries, and that its message contains all
// words.
func WantRetry(t *testing.T, err error, words ...string) {
	t.Helper()
	var failure *temporal.ApplicationError
	if err == nil || errors.As(err, &failure) && failure.NonRetryable() {
		t.Fatalf("error = %v, want one that is retried", err)
	}
	WantWords(t, err.Error(), words...)
}

// WantWords checks that text contains all words.
func WantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}
