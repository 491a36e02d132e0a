// Package quota counts what an account has only so many of and Elastic Beanstalk takes for each
// environment: Elastic IP addresses, and rules of the shared load balancer.
//
// Beanstalk finds out minutes after an environment was requested that none is left. A request asks
// here first, and `perch doctor` says how many are left.
package quota

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// Reader counts.
type Reader struct {
	ec2       *ec2.Client
	balancing *elasticloadbalancingv2.Client
}

// NewReader makes a Reader.
func NewReader(cfg aws.Config) *Reader {
	return &Reader{ec2: ec2.NewFromConfig(cfg), balancing: elasticloadbalancingv2.NewFromConfig(cfg)}
}
