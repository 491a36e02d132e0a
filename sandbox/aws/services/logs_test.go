package services

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const testGroup = "/aws/elasticbeanstalk/shop-login" + appLog

// streamingEnvironment returns the properties of an environment that streams its logs, and that
// deletes them when it is terminated.
func (a *account) streamingEnvironment() map[string]any {
	p := environmentProperties(a.createShop().ID)
	p["OptionSettings"] = append(p["OptionSettings"].([]any),
		setting(nsLogStreams, "StreamLogs", "true"), setting(nsLogStreams, "DeleteOnTerminate", "true"))
	return p
}

// logTexts returns the messages on all pages of a search. For a page without messages, it returns
// an empty text.
func (a *account) logTexts(in logs.FilterLogEventsInput) (texts []string) {
	a.t.Helper()
	pages := logs.NewFilterLogEventsPaginator(logs.NewFromConfig(a.aws), &in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(a.t.Context())
		if err != nil {
			a.t.Fatal(err)
		}
		for _, event := range page.Events {
			texts = append(texts, aws.ToString(event.Message))
		}
		if len(page.Events) == 0 {
			texts = append(texts, "")
		}
	}
	return texts
}

func TestAnEnvironmentLogsItsDeployments(t *testing.T) {
	a := newAccount(t, Config{})
	_, r := a.createReady(typeEnvironment, "Environment", a.streamingEnvironment())
	said := a.logTexts(logs.FilterLogEventsInput{LogGroupName: aws.String(testGroup)})
	diff(t, said, []string{"app-1  | starting version " + versionLabel, "app-1  | listening on 0.0.0.0:80"})

	a.service.FailDeployment("shop-login", "no space left on device")
	a.settle(r)
	said = a.logTexts(logs.FilterLogEventsInput{LogGroupName: aws.String(testGroup)})
	diff(t, said[len(said)-1], "app-1 exited with code 1")
	engine := aws.String("/aws/elasticbeanstalk/shop-login" + engineLog)
	said = a.logTexts(logs.FilterLogEventsInput{LogGroupName: engine})
	if !slices.ContainsFunc(
		said, func(line string) bool { return strings.HasSuffix(line, "no space left on device") },
	) {
		t.Errorf("eb-engine.log has %q", said)
	}
	a.settle(r)
	said = a.logTexts(logs.FilterLogEventsInput{LogGroupName: aws.String(testGroup)})
	diff(t, said[len(said)-1], "app-1  | listening on 0.0.0.0:80")

	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
	_, err := logs.NewFromConfig(a.aws).FilterLogEvents(t.Context(), &logs.FilterLogEventsInput{LogGroupName: engine})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("after the termination: %v", err)
	}
	diff(t, len(a.service.state.Logs), 0)
}

func TestFilterLogEventsPagesInBothDirections(t *testing.T) {
	a := newAccount(t, Config{})
	client, group, stream := logs.NewFromConfig(a.aws), aws.String("notes"), aws.String("i-1")
	if _, err := client.CreateLogGroup(t.Context(), &logs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		t.Fatal(err)
	}
	put := &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream}
	for i, minutes := range []int{180, 179, 178, 1} {
		put.LogEvents = append(put.LogEvents, types.InputLogEvent{
			Timestamp: aws.Int64(a.now.Add(-time.Duration(minutes) * time.Minute).UnixMilli()),
			Message:   aws.String(fmt.Sprint("line ", i)),
		})
	}
	_, err := client.PutLogEvents(t.Context(), put)
	wantError(t, err, "The specified log stream does not exist.")
	if _, err := client.CreateLogStream(
		t.Context(), &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream},
	); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutLogEvents(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	from := func(minutes int) *int64 {
		return aws.Int64(a.now.Add(-time.Duration(minutes) * time.Minute).UnixMilli())
	}
	backward := aws.Bool(false)
	for name, test := range map[string]struct {
		in   logs.FilterLogEventsInput
		want []string
	}{
		"oldest first": {
			logs.FilterLogEventsInput{StartTime: from(200)}, []string{"line 0", "line 1", "line 2", "line 3"},
		},
		"newest first": {
			logs.FilterLogEventsInput{StartTime: from(200), StartFromHead: backward},
			[]string{"line 3", "line 2", "line 1", "line 0"},
		},
		"two a page": {
			logs.FilterLogEventsInput{StartTime: from(200), StartFromHead: backward, Limit: aws.Int32(2)},
			[]string{"line 3", "line 2", "line 1", "line 0"},
		},
		"an empty page first": {
			logs.FilterLogEventsInput{StartTime: from(200), EndTime: from(60), StartFromHead: backward},
			[]string{"", "line 2", "line 1", "line 0"},
		},
		"both ends count": {
			logs.FilterLogEventsInput{StartTime: from(179), EndTime: from(178)}, []string{"line 1", "line 2"},
		},
		"another stream": {
			logs.FilterLogEventsInput{StartTime: from(200), LogStreamNames: []string{"i-2"}}, []string{""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.in.LogGroupName = group
			diff(t, a.logTexts(test.in), test.want)
		})
	}
	_, err = client.FilterLogEvents(
		t.Context(), &logs.FilterLogEventsInput{LogGroupName: group, StartFromHead: backward},
	)
	wantError(t, err, "startFromHead=false requires a startTime")
}
