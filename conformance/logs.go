package conformance

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const logsAPI = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/"

var logBeliefs = []Belief{
	{
		Name:     "logs/unknown-group",
		Sentence: "FilterLogEvents of a log group that does not exist is ResourceNotFoundException.",
		Source:   logsAPI + "API_FilterLogEvents.html", ReliedOn: "activities/logs/logs.go", Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			_, err := w.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
				LogGroupName: aws.String("/" + w.stackName("-none")),
			})
			return wantRejected("FilterLogEvents", err, "ResourceNotFoundException", "")
		},
	},
	{
		Name: "logs/newest-first",
		Sentence: "FilterLogEvents with startFromHead=false and a startTime returns the events of all streams, the " +
			"newest first, over all pages.",
		Source:   logsAPI + "API_FilterLogEvents.html",
		ReliedOn: "activities/logs/logs.go", Minutes: 3, check: checkNewestLines,
	},
}

func checkNewestLines(ctx context.Context, w *World) error {
	stack, err := w.create(ctx, "", `Resources: {Log: {Type: "AWS::Logs::LogGroup", Properties: {RetentionInDays: 1}}}`)
	if err != nil {
		return err
	}
	group, err := w.physical(ctx, stack, "Log")
	if err != nil {
		return err
	}
	now := time.Now()
	for stream, lines := range map[string][]string{"i-1": {"1", "3"}, "i-2": {"2", "4"}} {
		if err := w.writeLog(ctx, group, stream, now, lines); err != nil {
			return err
		}
	}
	want := []string{"4", "3", "2", "1"}
	return w.until(ctx, "the events are found, the newest first", func() (bool, error) {
		got, err := w.newestLines(ctx, group, now.Add(-time.Minute))
		if err == nil && len(got) == len(want) && !slices.Equal(got, want) {
			return false, differs("the lines are %v, want %v", got, want)
		}
		return slices.Equal(got, want), err
	})
}

// writeLog writes the digits in lines to a stream, one event each. A higher digit has a later time,
// and none is in the future.
func (w *World) writeLog(ctx context.Context, group, stream string, now time.Time, lines []string) error {
	_, err := w.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{
		LogGroupName: &group, LogStreamName: &stream,
	})
	if err := wantAccepted("CreateLogStream", err); err != nil {
		return err
	}
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream}
	for _, line := range lines {
		at := now.Add(time.Duration(int(line[0])-int('9')) * time.Second).UnixMilli()
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: &at, Message: &line})
	}
	_, err = w.logs.PutLogEvents(ctx, in)
	return wantAccepted("PutLogEvents", err)
}

// newestLines returns the lines of a log group since the time since, and reads at most two on a
// page.
func (w *World) newestLines(ctx context.Context, group string, since time.Time) (lines []string, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(w.logs, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, StartTime: aws.Int64(since.UnixMilli()), StartFromHead: aws.Bool(false),
		Limit: aws.Int32(2),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err := wantAccepted("FilterLogEvents", err); err != nil {
			return nil, err
		}
		for _, event := range page.Events {
			lines = append(lines, aws.ToString(event.Message))
		}
	}
	return lines, nil
}
