package client_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	sdk "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/client"
	"perch/sandbox/temporal"
)

// Example requests an environment and waits until it is ready.
func Example() {
	address, stop := startWorker()
	defer stop()
	ctx := context.Background()
	c, err := client.Dial(ctx, func(name string) string {
		return map[string]string{"TEMPORAL_ADDRESS": address}[name]
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	request := perch.Request{
		ID: "push-1", Goal: perch.GoalUp, Project: "shop", Branch: "feature/login",
		Commit: "3f786850e387550fdab836ed7e6dc881de23001b", By: "jane",
	}
	run, err := c.Request(ctx, request, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("workflow", run.WorkflowID)
	answer, _, err := c.Follow(ctx, run, request, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Result.Outcome, answer.Result.URL)
	// Output:
	// workflow shop-feature-login-pr5rby
	// ready https://feature-login-pr5rby.shop.example.com
}

// startWorker runs a Temporal server and a worker whose Provision finds every environment ready at
// once.
func startWorker() (address string, stop func()) {
	server, err := temporal.Start(temporal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	logger := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	connection, err := sdk.Dial(sdk.Options{HostPort: server.Address(), Logger: logger})
	if err != nil {
		log.Fatal(err)
	}
	w := worker.New(connection, perch.TaskQueue("shop"), worker.Options{})
	provision := func(ctx workflow.Context, in perch.RunInput) (perch.Result, error) {
		var request perch.Request
		workflow.GetSignalChannel(ctx, perch.SignalRequest).Receive(ctx, &request)
		return perch.Result{
			Goal: request.Goal, Outcome: perch.OutcomeReady, Commit: request.Commit,
			URL: "https://feature-login-pr5rby.shop.example.com",
		}, nil
	}
	w.RegisterWorkflowWithOptions(provision, workflow.RegisterOptions{Name: perch.WorkflowProvision})
	if err := w.Start(); err != nil {
		log.Fatal(err)
	}
	return server.Address(), func() {
		w.Stop()
		connection.Close()
		_ = server.Stop()
	}
}
