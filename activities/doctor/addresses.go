package doctor

import (
	"context"
	"fmt"
	"slices"

	"perch/activities/quota"
	"perch/config"
)

// singleInstance is the `load_balancer` of an environment with one instance, which has an Elastic
// IP address.
const singleInstance = "none"

// checkAddresses checks that an Elastic IP address is left for the next environment without a load
// balancer. It asks only if the default branch's perch.yaml has such environments.
func (d *Doctor) checkAddresses(ctx context.Context) (string, error) {
	use, err := d.quotas.Addresses(ctx)
	if err != nil {
		return "", err
	}
	if use.Quota == 0 {
		return fmt.Sprintf("%d Elastic IP addresses are taken; EC2 does not report the quota", use.Taken), nil
	}
	detail := fmt.Sprintf("%d of %d Elastic IP addresses are taken", use.Taken, use.Quota)
	switch {
	case !d.hasSingleInstances(ctx):
		return detail + "; only environments with `load_balancer: none` need one", nil
	case use.Full():
		return "", fmt.Errorf(
			"%s, and each environment with `load_balancer: none` needs one: %s",
			detail,
			quota.AddressAdvice,
		)
	}
	return detail + "; each environment with `load_balancer: none` needs one", nil
}

// hasSingleInstances reports whether a layer of the default branch's perch.yaml says
// `load_balancer: none`.
func (d *Doctor) hasSingleInstances(ctx context.Context) bool {
	heads, err := d.Source.Heads(ctx, d.policy.DefaultBranch)
	if err != nil {
		return false // The check of the repository reports the problem.
	}
	data, found, err := d.Source.File(ctx, heads[d.policy.DefaultBranch], config.FileName)
	if err != nil || !found {
		return false
	}
	file, err := config.Read(config.FileName, data)
	return err == nil &&
		slices.ContainsFunc(
			file.Samples(),
			func(s config.Sample) bool { return s.Settings.LoadBalancer == singleInstance },
		)
}
