// Package quota counts resources that are limited in an account and of which Elastic Beanstalk
// takes some for each environment: Elastic IP addresses, and rules of the shared load balancer.
//
// If none is left, Beanstalk fails only minutes after an environment was requested. So Admit asks
// this package first, and `perch doctor` says how many are left.
package quota

import (
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"perch/activities/share"
)

// Reader reads quotas and what is used of them.
type Reader struct {
	ec2       *ec2.Client
	balancing *elasticloadbalancingv2.Client

	mu sync.Mutex
	// rules has the reader of each load balancer's rules, by the load balancer's ARN.
	rules map[string]*share.Reader[RuleUse]
}

// NewReader returns a Reader.
func NewReader(cfg aws.Config) *Reader {
	return &Reader{
		ec2: ec2.NewFromConfig(cfg), balancing: elasticloadbalancingv2.NewFromConfig(cfg),
		rules: map[string]*share.Reader[RuleUse]{},
	}
}
