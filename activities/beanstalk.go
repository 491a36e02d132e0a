package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/pulse"
)

// AwaitBeanstalk waits until no Elastic Beanstalk environment of the stack has an operation in progress.
// Beanstalk takes an update or a termination only of an environment that is Ready, and carries a launch or an
// update out to the end after CloudFormation has given it up.
func (s *Stacks) AwaitBeanstalk(ctx context.Context, in contract.StackInput) error {
	progress := perch.Progress{Status: "WAITING", Since: time.Now().UTC()}
	beats, stop := pulse.Start(ctx, progress)
	defer stop()
	if _, err := s.OwnStack(ctx, in); err != nil {
		return err
	}
	contents, err := s.Contents(ctx, in)
	if err != nil {
		return err
	}
	return s.awaitEnvironments(ctx, beats, progress, contents.Environments)
}

func (s *Stacks) awaitEnvironments(ctx context.Context, beats *pulse.Pulse, progress perch.Progress, names []string) error {
	for {
		busy, err := s.apps.busyEnvironments(ctx, names)
		if err != nil || len(busy) == 0 {
			return err
		}
		progress.Reason = strings.Join(busy, ", ")
		beats.Set(progress)
		if err := pulse.Linger(ctx, s.interval); err != nil {
			return err
		}
	}
}

// busyEnvironments describes those of the named environments that have an operation in progress.
func (a *Applications) busyEnvironments(ctx context.Context, names []string) (busy []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := a.beanstalk.DescribeEnvironments(
		ctx,
		&elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: names, IncludeDeleted: aws.Bool(false)},
	)
	if err != nil {
		return nil, awserr.Wrap(err, "look at Beanstalk environments")
	}
	for _, e := range out.Environments {
		if e.Status != ebtypes.EnvironmentStatusReady && e.Status != ebtypes.EnvironmentStatusTerminated {
			busy = append(busy, fmt.Sprintf("Beanstalk environment %s is %s", aws.ToString(e.EnvironmentName), e.Status))
		}
	}
	return busy, nil
}
