package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
)

const (
	// attackerQueue is the task queue of the attacker's worker.
	attackerQueue = "attacker"
	// attackerPatience is the time limit of one call of an activity. It ends a wait that is not
	// rejected.
	attackerPatience = 20 * time.Second
)

// attacker is a person who can reach Temporal and nothing else. They have a client and a worker
// with another workflow, which schedules the activities of Perch's worker.
type attacker struct{ temporal client.Client }

func newAttacker(t *testing.T, address string) *attacker {
	t.Helper()
	c, err := client.Dial(client.Options{
		HostPort: address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, attackerQueue, worker.Options{})
	w.RegisterWorkflow(schedule)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return &attacker{temporal: c}
}

// forgedCall is an activity to schedule.
type forgedCall struct {
	Queue, Activity string
	Input           any
}

// answer is what the worker answers.
type answer struct {
	// Result is the activity's result, as JSON.
	Result json.RawMessage
	// Failure is the sentence of its error, and Type the error's type. Final means that the error
	// must not be retried.
	Failure, Type string
	Final         bool
}

// schedule is the attacker's workflow.
func schedule(ctx workflow.Context, call forgedCall) (out answer, _ error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: call.Queue, ScheduleToCloseTimeout: attackerPatience,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	err := workflow.ExecuteActivity(ctx, call.Activity, call.Input).Get(ctx, &out.Result)
	var failed *temporal.ApplicationError
	switch {
	case errors.As(err, &failed):
		out.Failure, out.Type, out.Final = failed.Message(), failed.Type(), failed.NonRetryable()
	case err != nil:
		out.Failure = err.Error()
	}
	return out, nil
}

// call schedules an activity and waits for the worker's answer.
func (a *attacker) call(t *testing.T, queue, activity string, input any) (out answer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run, err := a.temporal.ExecuteWorkflow(
		ctx, client.StartWorkflowOptions{TaskQueue: attackerQueue}, schedule, forgedCall{queue, activity, input},
	)
	if err == nil {
		err = run.Get(ctx, &out)
	}
	if err != nil {
		t.Fatalf("%s: %v", activity, err)
	}
	return out
}

// run starts one of Perch's workflows with a forged input, and returns its result or its failure.
func (a *attacker) run(t *testing.T, project, id, workflow string, input any) (result document, failure error) {
	t.Helper()
	return ended(t, a.start(t, project, id, workflow, input))
}

// start starts one of Perch's workflows with a forged input.
func (a *attacker) start(t *testing.T, project, id, workflow string, input any) client.WorkflowRun {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	options := client.StartWorkflowOptions{ID: id, TaskQueue: perch.TaskQueue(project)}
	run, err := a.temporal.ExecuteWorkflow(ctx, options, workflow, input)
	if err != nil {
		t.Fatalf("%s: %v", workflow, err)
	}
	return run
}

// ended waits for a run's result or its failure.
func ended(t *testing.T, run client.WorkflowRun) (result document, failure error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return result, run.Get(ctx, &result)
}

// registered returns the activities of a worker, each with its task queue.
func registered(project string) map[string]string {
	queues := map[string]string{}
	for _, row := range contract.Table() {
		queues[row.Name] = row.Queue.Beside(perch.TaskQueue(project))
	}
	return queues
}

func (a answer) String() string {
	if a.Failure == "" {
		return fmt.Sprintf("done: %s", a.Result)
	}
	return fmt.Sprintf("%s (type %q, final %v)", a.Failure, a.Type, a.Final)
}

// readJSON returns a JSON object in an answer; nil if there is none.
func readJSON(t *testing.T, text json.RawMessage) (d document) {
	t.Helper()
	if len(text) > 0 {
		fatal(t, json.Unmarshal(text, &d))
	}
	return d
}
