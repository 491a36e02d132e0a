package run

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
)

func TestActivityThatTakesLongKeepsBeating(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&beats{}}})
		heard := 0
		env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { heard++ })
		env.RegisterActivityWithOptions(func(context.Context) error {
			time.Sleep(50 * time.Second)
			return nil
		}, activity.RegisterOptions{Name: "Slow"})
		if _, err := env.ExecuteActivity("Slow"); err != nil {
			t.Fatal(err)
		}
		if heard < 2 {
			t.Errorf("%d heartbeats were heard in 50 seconds", heard)
		}
	})
}
