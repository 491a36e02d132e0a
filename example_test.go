package perch_test

import (
	"fmt"

	"perch"
)

// ExampleNewEnvironment derives every name of an environment from its project and branch.
func ExampleNewEnvironment() {
	environment, err := perch.NewEnvironment("shop", "feature/login")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(environment.Slug, environment.StackName())
	_, err = perch.NewEnvironment("Shop", "main")
	fmt.Println(err != nil)
	// Output:
	// feature-login-pr5rby shop-feature-login-pr5rby
	// true
}
