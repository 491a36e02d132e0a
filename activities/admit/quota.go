package admit

import (
	"context"

	"perch"
	"perch/activities/awserr"
	"perch/activities/quota"
)

const (
	// noBalancer is the `load_balancer` of a single instance. Beanstalk gives each an Elastic IP
	// address (Beanstalk guide, "Environment types"), and an account has five in a region by
	// default (EC2 guide, "Elastic IP address quota").
	noBalancer = "none"
	// sharedBalancer is the `load_balancer` of environments that share the application's load
	// balancer. Beanstalk gives each a rule on the HTTPS listener.
	sharedBalancer = "shared"
)

// requireAddress rejects a new environment without a load balancer if no address is left for it:
// Beanstalk would fail minutes later. If EC2 cannot be asked, that decides.
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

// requireRule rejects a new environment if the shared load balancer has no rule left for it:
// Beanstalk would fail minutes later. If the load balancer cannot be asked, that decides.
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
