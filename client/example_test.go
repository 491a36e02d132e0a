package client_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"perch"
	"perch/client"
)

// Example requests an environment and waits until it is ready.
func Example() {
	address, stop := startTemporal()
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
