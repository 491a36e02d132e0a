package activities

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"perch"
	"perch/activities/awserr"
	"perch/config"
)

// noBalancer is the `load_balancer` of a single instance. Beanstalk gives each an Elastic IP address (Beanstalk guide,
// "Environment types"), and an account has five in a region by default (EC2 guide, "Elastic IP address quota").
const noBalancer = "none"

// addressUse is how many Elastic IP addresses the account has in the region, and how many it can have.
type addressUse struct{ taken, quota int }

func (u addressUse) full() bool { return u.quota > 0 && u.taken >= u.quota }

// addressAdvice is what to do if no address is left.
const addressAdvice = "release addresses that nothing uses, remove an environment with `load_balancer: none`, " +
	"or request a higher quota in Service Quotas (Amazon EC2, \"EC2-VPC Elastic IPs\")"

// addressUse asks EC2. A quota of 0 means that EC2 did not tell it.
func (l *lookUps) addressUse(ctx context.Context) (use addressUse, err error) {
	addresses, err := l.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err != nil {
		return use, awserr.Wrap(err, "count the Elastic IP addresses")
	}
	use.taken = len(addresses.Addresses)
	attributes, err := l.ec2.DescribeAccountAttributes(ctx, &ec2.DescribeAccountAttributesInput{
		AttributeNames: []types.AccountAttributeName{"vpc-max-elastic-ips"},
	})
	if err != nil {
		return use, awserr.Wrap(err, "read the quota of Elastic IP addresses")
	}
	for _, attribute := range attributes.AccountAttributes {
		for _, value := range attribute.AttributeValues {
			use.quota, _ = strconv.Atoi(aws.ToString(value.AttributeValue))
		}
	}
	return use, nil
}

// requireAddress rejects a new environment without a load balancer if no address is left for it: Beanstalk would fail
// minutes later. If EC2 cannot be asked, that decides.
func (r *Requests) requireAddress(ctx context.Context, made rendering) error {
	if made.exists || made.own() || made.settings.LoadBalancer != noBalancer {
		return nil
	}
	use, err := r.lookUps.addressUse(ctx)
	if err == nil && use.full() {
		return awserr.Final(perch.ErrorInvalid, "an environment with `load_balancer: none` needs an Elastic IP address, "+
			"and all %d of region %s are taken: %s; then try again", use.quota, r.policy.Region, addressAdvice)
	}
	return nil
}

// addresses checks that the next environment without a load balancer gets its address, if the
// default branch's perch.yaml has such environments.
func (e *Examinations) addresses(ctx context.Context) (string, error) {
	use, err := e.rights.lookUps.addressUse(ctx)
	if err != nil {
		return "", err
	}
	if use.quota == 0 {
		return fmt.Sprintf("%d Elastic IP addresses are taken; EC2 does not tell the quota", use.taken), nil
	}
	detail := fmt.Sprintf("%d of %d Elastic IP addresses are taken", use.taken, use.quota)
	switch {
	case !e.hasSingleInstances(ctx):
		return detail + "; only environments with `load_balancer: none` need one", nil
	case use.full():
		return "", fmt.Errorf("%s, and each environment with `load_balancer: none` needs one: %s", detail, addressAdvice)
	}
	return detail + "; each environment with `load_balancer: none` needs one", nil
}

// hasSingleInstances reports whether a layer of the default branch's perch.yaml says `load_balancer: none`.
func (e *Examinations) hasSingleInstances(ctx context.Context) bool {
	heads, err := e.source.Heads(ctx, e.policy.DefaultBranch)
	if err != nil {
		return false // The check of the repository says so.
	}
	data, found, err := e.source.File(ctx, heads[e.policy.DefaultBranch], config.FileName)
	if err != nil || !found {
		return false
	}
	file, err := config.Read(config.FileName, data)
	return err == nil &&
		slices.ContainsFunc(file.Samples(), func(s config.Sample) bool { return s.Settings.LoadBalancer == noBalancer })
}
