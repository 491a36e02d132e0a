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

// latestEvents is how many events an error names.
const latestEvents = 3

// LatestEvents are Beanstalk's latest words on the environment, for the error; a failure to read
// them must not hide the first one.
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

// sayEvents are the events in words, and what they mean if that is known.
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
