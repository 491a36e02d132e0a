// Package logs reads the last lines that an environment has logged. It reads them from the log
// groups in CloudWatch Logs to which Elastic Beanstalk streams them or, if there are none, from an
// instance with Systems Manager.
//
// People read the lines, so secrets in them are masked, and if there are none, a sentence says why.
// The lines never go through Temporal, because its histories keep everything.
package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"perch"
	"perch/activities/awserr"
)

// sources are the log groups that Last reads, below /aws/elasticbeanstalk/ENVIRONMENT: the output
// of all containers and, if that has no lines, what the platform did on the instance (AWS docs:
// Elastic Beanstalk, instance log streaming).
var sources = []string{"/var/log/eb-docker/containers/eb-current-app/stdouterr.log", "/var/log/eb-engine.log"}

const (
	// patience is how long all calls together may take. A run waits for the report that shows the
	// lines.
	patience = 5 * time.Second
	// mostPages is how many pages of a log group are read. An empty page does not mean that there
	// are no older events.
	mostPages = 20
)

// Reader reads logs.
type Reader struct {
	logs      *cloudwatchlogs.Client
	beanstalk *elasticbeanstalk.Client
	systems   *ssm.Client
}

// NewReader returns a Reader.
func NewReader(cfg aws.Config) *Reader {
	return &Reader{cloudwatchlogs.NewFromConfig(cfg), elasticbeanstalk.NewFromConfig(cfg), ssm.NewFromConfig(cfg)}
}

// Last returns the last n lines that the environment's app has logged since a time, or those of the
// platform if the app has logged none. If the lines cannot be read, the result has a sentence that
// says why.
func (r *Reader) Last(ctx context.Context, environment perch.Environment, since time.Time, n int) perch.LogLines {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, source := range sources {
		group := "/aws/elasticbeanstalk/" + environment.BeanstalkName() + source
		events, err := r.last(ctx, group, since, n)
		var missing *types.ResourceNotFoundException
		switch {
		case errors.As(err, &missing):
			continue
		case err != nil:
			return perch.LogLines{Source: group, Problem: problem(err, group)}
		case len(events) > 0:
			return readable(group, events)
		}
	}
	return perch.LogLines{Problem: fmt.Sprintf(
		"environment %s has logged nothing in CloudWatch Logs since %s",
		environment.BeanstalkName(), since.UTC().Format(time.RFC3339),
	)}
}

// problem returns a sentence that says why a log group cannot be read.
func problem(err error, group string) string {
	switch {
	case awserr.Throttled(err):
		return fmt.Sprintf("CloudWatch Logs gets too many requests at the moment; read log group %s there", group)
	case awserr.Denied(err):
		return fmt.Sprintf("the worker may not read log group %s: give its role %s", group, awserr.Action(err))
	}
	return fmt.Sprintf("read log group %s: %s", group, awserr.Sentence(err))
}

// last reads the newest events of all streams, newest first.
func (r *Reader) last(
	ctx context.Context, group string, since time.Time, n int,
) (events []types.FilteredLogEvent, err error) {
	in := &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, StartTime: aws.Int64(since.UnixMilli()), StartFromHead: aws.Bool(false),
		Limit: aws.Int32(int32(n)),
	}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(r.logs, in)
	for i := 0; i < mostPages && len(events) < n && pages.HasMorePages(); i++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		events = append(events, page.Events...)
	}
	return events[:min(len(events), n)], nil
}

// readable converts events, which are newest first, to lines.
func readable(group string, events []types.FilteredLogEvent) perch.LogLines {
	return masked(perch.LogLines{Source: group, Lines: linesOf(events, "")})
}

// linesOf converts the events of one log, which are newest first, to lines.
func linesOf(events []types.FilteredLogEvent, file string) (lines []perch.LogLine) {
	for _, event := range slices.Backward(events) {
		lines = append(lines, perch.LogLine{
			At: time.UnixMilli(aws.ToInt64(event.Timestamp)).UTC(), Stream: aws.ToString(event.LogStreamName),
			File: file, Text: clean(aws.ToString(event.Message)),
		})
	}
	return lines
}

// masked masks secrets in lines, and shortens lines that are too long.
func masked(out perch.LogLines) perch.LogLines {
	out.Masked = maskLines(out.Lines)
	for i := range out.Lines {
		out.Lines[i].Text = shortened(out.Lines[i].Text)
	}
	return out
}
