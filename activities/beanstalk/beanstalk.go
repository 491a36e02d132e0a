// Package beanstalk reads from Elastic Beanstalk what CloudFormation does not report about an
// environment: whether it is busy, its options, its latest events, and the available platforms. It
// changes only one thing: it removes options that a template no longer sets, which CloudFormation
// would leave in place.
package beanstalk

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"

	"perch"
	"perch/activities/share"
)

// Client reads Elastic Beanstalk environments, waits for them, and removes options from them.
type Client struct {
	beanstalk *elasticbeanstalk.Client
	policy    *perch.Policy
	// interval is the pause between two requests while AwaitEnvironments waits.
	interval time.Duration
	// platforms lists the solution stacks once for all callers at the same time.
	platforms *share.Reader[[]string]
}

// NewClient returns a Client for the account and region of cfg.
func NewClient(cfg aws.Config, policy *perch.Policy, interval time.Duration) *Client {
	c := &Client{beanstalk: elasticbeanstalk.NewFromConfig(cfg), policy: policy, interval: interval}
	c.platforms = share.New(c.solutionStacks)
	return c
}
