package admit

import (
	"context"

	"perch"
	"perch/activities/awserr"
	"perch/activities/quota"
)

const (
	// noBalancer is the `load_balancer` of an environment with a single instance. Beanstalk gives
	// each of them an Elastic IP address (Beanstalk guide, "Environment types"), and by default an
	// account has five in a region (EC2 guide, "Elastic IP address quota").
	noBalancer = "none"
	// sharedBalancer is the `load_balancer` of environments that share the application's load
	// balancer. Beanstalk gives each of them a rule on the HTTPS listener.
	sharedBalancer = "shared"
)

// requireAddress rejects a new environment without a load balancer if no Elastic IP address is left
// for it, because Beanstalk would fail minutes later. If EC2 does not answer, it returns that
// error.
func (a *Admitter) requireAddress(ctx context.Context, made rendering) error {
	if made.exists || made.isCustom() || made.settings.LoadBalancer != noBalancer {
		return nil
	}
	use, err := a.Quotas.Addresses(ctx)
	if err == nil && use.Full() {
		return awserr.Final(
			perch.ErrorInvalid,
			"an environment with `load_balancer: none` needs an Elastic IP address, "+
				"and all %d of region %s are taken: %s; then try again",
			use.Quota,
			a.Policy.Region,
			quota.AddressAdvice,
		)
	}
	return nil
}

// requireRule rejects a new environment if no rule of the shared load balancer is left for it,
// because Beanstalk would fail minutes later. If the load balancer cannot be read, it returns that
// error.
func (a *Admitter) requireRule(ctx context.Context, made rendering) error {
	balancer := made.application.LoadBalancerArn
	if made.exists || made.isCustom() || made.settings.LoadBalancer != sharedBalancer || balancer == "" {
		return nil
	}
	use, err := a.Quotas.Rules(ctx, balancer)
	if err == nil && use.Full() {
		return awserr.Final(
			perch.ErrorInvalid,
			"%s; remove an environment with `perch down BRANCH`, or use `load_balancer: dedicated`, then try again",
			use,
		)
	}
	return nil
}
