package beanstalk

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/pulse"
)

// AwaitEnvironments waits until none of the named environments has an operation in progress.
func (c *Client) AwaitEnvironments(
	ctx context.Context,
	beats *pulse.Pulse,
	progress perch.Progress,
	names []string,
) error {
	for {
		busy, err := c.busy(ctx, names)
		if err != nil || len(busy) == 0 {
			return err
		}
		progress.Reason = strings.Join(busy, ", ")
		beats.Set(progress)
		if err := pulse.Linger(ctx, c.interval); err != nil {
			return err
		}
	}
}

// busy returns a sentence about each of the named environments that has an operation in progress.
func (c *Client) busy(ctx context.Context, names []string) (busy []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := c.beanstalk.DescribeEnvironments(
		ctx,
		&elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: names, IncludeDeleted: aws.Bool(false)},
	)
	if err != nil {
		return nil, awserr.Wrap(err, "look at Beanstalk environments")
	}
	for _, e := range out.Environments {
		if e.Status != ebtypes.EnvironmentStatusReady && e.Status != ebtypes.EnvironmentStatusTerminated {
			busy = append(
				busy,
				fmt.Sprintf("Beanstalk environment %s is %s", aws.ToString(e.EnvironmentName), e.Status),
			)
		}
	}
	return busy, nil
}
