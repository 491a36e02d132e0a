// Package beanstalk asks Elastic Beanstalk what CloudFormation does not say of an environment:
// whether it is busy, which options it has, what its latest events are, and which platforms there
// are. It changes nothing but options that a template no longer sets, which CloudFormation leaves.
package beanstalk

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"

	"perch"
)

// Client asks Elastic Beanstalk about environments, waits for them, and removes options from them.
type Client struct {
	beanstalk *elasticbeanstalk.Client
	policy    *perch.Policy
	// interval is the pause between two looks.
	interval time.Duration
}

// NewClient makes a Client of the account and region of cfg.
func NewClient(cfg aws.Config, policy *perch.Policy, interval time.Duration) *Client {
	return &Client{elasticbeanstalk.NewFromConfig(cfg), policy, interval}
}
