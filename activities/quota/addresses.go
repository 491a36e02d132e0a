package quota

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"perch/activities/awserr"
)

// AddressUse is how many Elastic IP addresses the account has in the region, and how many it may
// have.
type AddressUse struct {
	// Taken is the number of addresses that the account has. Quota is 0 if EC2 does not report it.
	Taken, Quota int
}

// Full reports whether no address is left.
func (u AddressUse) Full() bool { return u.Quota > 0 && u.Taken >= u.Quota }

// AddressAdvice says what to do if no address is left.
const AddressAdvice = "release addresses that nothing uses, remove an environment with `load_balancer: none`, " +
	"or request a higher quota in Service Quotas (Amazon EC2, \"EC2-VPC Elastic IPs\")"

// Addresses reads the use from EC2.
func (r *Reader) Addresses(ctx context.Context) (use AddressUse, err error) {
	addresses, err := r.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err != nil {
		return use, awserr.Wrap(err, "count the Elastic IP addresses")
	}
	use.Taken = len(addresses.Addresses)
	attributes, err := r.ec2.DescribeAccountAttributes(ctx, &ec2.DescribeAccountAttributesInput{
		AttributeNames: []types.AccountAttributeName{"vpc-max-elastic-ips"},
	})
	if err != nil {
		return use, awserr.Wrap(err, "read the quota of Elastic IP addresses")
	}
	for _, attribute := range attributes.AccountAttributes {
		for _, value := range attribute.AttributeValues {
			use.Quota, _ = strconv.Atoi(aws.ToString(value.AttributeValue))
		}
	}
	return use, nil
}
