package conformance

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

const (
	// Tag is the key of the tag on every resource that a check creates. Its value is the id of the
	// run.
	Tag = "perch:conformance"
	// Prefix is the beginning of the names of all stacks that checks create. The names of buckets,
	// databases and snapshots begin with their stack's name, and so with Prefix.
	Prefix = "perch-conformance-"
)

// Target is the endpoint against which Run checks assumptions.
type Target struct {
	// Config has the region, the credentials and, for a target other than AWS, the URL of the
	// endpoint.
	Config aws.Config
	// Account is the 12-digit id of the account.
	Account string
	// Interval is the pause between two calls that wait for the same state. Patience is how long to
	// wait for a state.
	Interval, Patience time.Duration
	// Parallel is how many assumptions Run checks at the same time.
	Parallel int
	// Hold keeps a resource in a phase (create, update, delete) until the caller calls release, so
	// that a check can observe an operation in progress. It is nil on AWS, where operations take
	// long enough to be observed.
	Hold func(ctx context.Context, logicalID, phase, stack string) (release func() error, err error)
	// Log receives the outcomes, one a line.
	Log io.Writer
}

// World has the clients with which one check calls the endpoint, and the names of the check's
// resources, which no other check uses.
type World struct {
	target Target
	// run is the id of the whole run. name is the part of stack names that identifies the
	// assumption.
	run, name string
	// created has the ids of the stacks that the check has created.
	created []string
	// note is what the check observed in addition to the assumption.
	note string

	stacks    *cloudformation.Client
	storage   *s3.Client
	dns       *route53.Client
	databases *rds.Client
	beanstalk *elasticbeanstalk.Client
	secrets   *secretsmanager.Client
	tagging   *resourcegroupstaggingapi.Client
	systems   *ssm.Client
	network   *ec2.Client
	balancing *elasticloadbalancingv2.Client
	logs      *cloudwatchlogs.Client
}

func newWorld(target Target, run, assumption string) *World {
	config := target.Config
	_, name, _ := strings.Cut(assumption, "/")
	return &World{
		target: target, run: run, name: name,
		stacks:    cloudformation.NewFromConfig(config),
		storage:   s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = config.BaseEndpoint != nil }),
		dns:       route53.NewFromConfig(config),
		databases: rds.NewFromConfig(config),
		beanstalk: elasticbeanstalk.NewFromConfig(config),
		secrets:   secretsmanager.NewFromConfig(config),
		tagging:   resourcegroupstaggingapi.NewFromConfig(config),
		systems:   ssm.NewFromConfig(config),
		network:   ec2.NewFromConfig(config),
		balancing: elasticloadbalancingv2.NewFromConfig(config),
		logs:      cloudwatchlogs.NewFromConfig(config),
	}
}

// pause waits for one interval.
func (w *World) pause(ctx context.Context) error {
	timer := time.NewTimer(w.target.Interval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// waitUntil calls condition repeatedly until it returns true. It fails after the target's Patience.
// what completes the sentence "waiting until ..." in the error.
func (w *World) waitUntil(ctx context.Context, what string, condition func() (bool, error)) error {
	late := fmt.Errorf("gave up after %s waiting until %s", w.target.Patience, what)
	ctx, stop := context.WithTimeoutCause(ctx, w.target.Patience, late)
	defer stop()
	for {
		ok, err := condition()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if ok || err != nil {
			return err
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
}

// hold keeps a resource of a stack in a phase, if the target has Hold.
func (w *World) hold(ctx context.Context, logicalID, phase, stack string) (release func() error, err error) {
	if w.target.Hold == nil {
		return func() error { return nil }, nil
	}
	return w.target.Hold(ctx, logicalID, phase, stack)
}
