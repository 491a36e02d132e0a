package cfn

import (
	"fmt"

	"perch"
)

// architectureOf returns the architecture of an instance type by the name that Elastic Beanstalk
// uses.
func architectureOf(instanceType string) string {
	if perch.ArchitectureOf(instanceType) == perch.ArchitectureARM {
		return "arm64"
	}
	return "x86_64"
}

// RejectedSwitch says why Elastic Beanstalk would reject an update of an environment from the
// options deployed to s; empty if it would not. The load balancer and the architecture are chosen
// when the environment is created and cannot change (AWS docs: Configuring a shared Application
// Load Balancer, and The Amazon EC2 instances for your environment).
func (s SetOptions) RejectedSwitch(deployed SetOptions) string {
	if deployed.Environment != s.Environment {
		return "" // A custom template, or no environment yet.
	}
	if was, is := deployed.balancer(), s.balancer(); was != is {
		return fmt.Sprintf(
			"load_balancer is %s, and the environment was created with %s: Elastic Beanstalk cannot change it",
			is,
			was,
		)
	}
	was, is := deployed.instanceType(), s.instanceType()
	if a, b := architectureOf(was), architectureOf(is); a != b {
		return fmt.Sprintf(
			"instance_type %s is %s, and the environment was created for %s with %s: Elastic Beanstalk cannot change "+
				"the "+
				"architecture",
			is,
			b,
			a,
			was,
		)
	}
	return ""
}

func (s SetOptions) balancer() string {
	switch {
	case s.values[OptionName{nsEnvironment, "EnvironmentType"}] == "SingleInstance":
		return noBalancer
	case s.values[OptionName{nsEnvironment, "LoadBalancerIsShared"}] == "true":
		return sharedBalancer
	}
	return dedicatedBalancer
}

func (s SetOptions) instanceType() string { return s.values[OptionName{nsInstances, "InstanceTypes"}] }
