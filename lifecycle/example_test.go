package lifecycle_test

import (
	"fmt"

	"perch"
	"perch/lifecycle"
)

// ExampleNext shows the next step for stacks: a push to one that is ready, and to one whose update
// is stuck.
func ExampleNext() {
	ready := lifecycle.Stack{Status: "UPDATE_COMPLETE", Ours: true}
	stuck := lifecycle.Stack{Status: "UPDATE_ROLLBACK_FAILED", Ours: true}
	fmt.Println(lifecycle.Next(lifecycle.Stack{}, perch.GoalUp))
	fmt.Println(lifecycle.Next(ready, perch.GoalUp))
	fmt.Println(lifecycle.Next(stuck, perch.GoalUp))
	fmt.Println(lifecycle.Next(ready, perch.GoalGone))
	// Output:
	// create
	// update
	// continue-rollback
	// delete
}

// ExampleChain shows a removal of a branch that arrives while a push to it is deployed. The next
// run removes the environment.
func ExampleChain() {
	environment, err := perch.NewEnvironment("shop", "feature/login")
	if err != nil {
		fmt.Println(err)
		return
	}
	push := perch.Request{ID: "1", Goal: perch.GoalUp, Project: "shop", Branch: "feature/login", Commit: "3f78685"}
	removal := perch.Request{ID: "2", Goal: perch.GoalGone, Project: "shop", Branch: "feature/login"}
	chain := lifecycle.ResumeChain(perch.RunInput{Environment: environment, Request: &push})
	chain.Take(removal)
	next := chain.Next(lifecycle.RunEnd{})
	fmt.Println(next.Goal, next.ID)
	// Output: gone 2
}
