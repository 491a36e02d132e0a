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

var logAssumptions = []Assumption{
	{
		Name:     "logs/unknown-group",
		Sentence: "FilterLogEvents of a log group that does not exist fails with ResourceNotFoundException.",
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
		Sentence: "FilterLogEvents with startFromHead=false and a startTime returns the events of all streams newest " +
			"first, across all pages.",
		Source:   logsAPI + "API_FilterLogEvents.html",
		ReliedOn: "activities/logs/logs.go", Minutes: 3, check: checkNewestLines,
	},
}

func checkNewestLines(ctx context.Context, w *World) error {
	body := `Resources: {Log: {Type: "AWS::Logs::LogGroup", Properties: {RetentionInDays: 1}}}`
	stack, err := w.createStack(ctx, "", body)
	if err != nil {
		return err
	}
	group, err := w.physicalID(ctx, stack, "Log")
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
	return w.waitUntil(ctx, "FilterLogEvents returns all events, newest first", func() (bool, error) {
		got, err := w.newestLines(ctx, group, now.Add(-time.Minute))
		if err == nil && len(got) == len(want) && !slices.Equal(got, want) {
			return false, differencef("the lines are %v, want %v", got, want)
		}
		return slices.Equal(got, want), err
	})
}

// writeLog writes one event for each line to a stream. Each line is a digit: the higher the digit,
// the later the time of the event. No time is in the future.
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

// newestLines returns the lines that a log group has received since a time, newest first. A page
// has at most two lines.
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
