package beanstalk

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch/lifecycle"
)

// latestEvents is the number of events that an error message has.
const latestEvents = 3

// LatestEvents returns Elastic Beanstalk's latest events of the environment, for the end of an
// error message; empty if they cannot be read. It returns no error, because that would hide the
// first one.
func (c *Client) LatestEvents(ctx context.Context, name string) string {
	out, err := c.beanstalk.DescribeEvents(
		ctx,
		&elasticbeanstalk.DescribeEventsInput{EnvironmentName: &name, MaxRecords: aws.Int32(latestEvents)},
	)
	if err != nil {
		return ""
	}
	return sayEvents(out.Events)
}

// sayEvents returns the messages of the events, with an explanation if Perch knows one.
func sayEvents(events []ebtypes.EventDescription) string {
	var words []string
	for _, event := range events {
		words = append(words, fmt.Sprintf("%s: %s", event.Severity, aws.ToString(event.Message)))
	}
	if len(words) == 0 {
		return ""
	}
	return "; Beanstalk says: " + lifecycle.Explained(strings.Join(words, " | "))
}
