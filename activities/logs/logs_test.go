package logs

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/sandbox/aws"
	"perch/sandbox/aws/awstest"
)

// world is an AWS endpoint over HTTP and a Reader.
type world struct {
	*testing.T
	server      *aws.Server
	client      *cloudwatchlogs.Client
	reader      *Reader
	config      sdk.Config
	environment perch.Environment
	now         time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := aws.New(aws.Config{Speed: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		_ = server.Close()
	})
	config := sdk.Config{
		Region: "eu-central-1", BaseEndpoint: &listener.URL, RetryMaxAttempts: 1, HTTPClient: awstest.NewClient(),
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
	}
	return &world{
		T: t, server: server, client: cloudwatchlogs.NewFromConfig(config), reader: NewReader(config), config: config,
		environment: perch.Environment{Project: "shop", Branch: "login", Slug: "login"},
		now:         time.Now().UTC().Truncate(time.Millisecond),
	}
}

const appLog, engineLog = "/aws/elasticbeanstalk/shop-login/var/log/eb-docker/containers/eb-current-app/stdouterr.log",
	"/aws/elasticbeanstalk/shop-login/var/log/eb-engine.log"

// logged writes lines into a log group as an instance does, one a minute until now.
func (w *world) logged(group string, lines ...string) {
	w.Helper()
	w.loggedAt(group, "i-1", w.now, lines...)
}

func (w *world) loggedAt(group, stream string, last time.Time, lines ...string) {
	w.Helper()
	ctx := w.Context()
	// The group and the stream may exist.
	_, _ = w.client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
	_, _ = w.client.CreateLogStream(
		ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream},
	)
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream}
	for i, line := range lines {
		at := last.Add(-time.Duration(len(lines)-1-i) * time.Minute).UnixMilli()
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: &at, Message: &line})
	}
	if _, err := w.client.PutLogEvents(ctx, in); err != nil {
		w.Fatal(err)
	}
}

func (w *world) last(n int) perch.LogLines {
	return w.reader.Last(w.Context(), w.environment, w.now.Add(-6*time.Hour), n)
}

func texts(lines perch.LogLines) (texts []string) {
	for _, line := range lines.Lines {
		texts = append(texts, line.Text)
	}
	return texts
}

func TestTheLastLinesOfTheAppAreRead(t *testing.T) {
	w := newWorld(t)
	w.logged(engineLog, "[INFO] done")
	w.logged(appLog, "app-1  | one", "app-1  | two", "app-1  | token: hunter2", "app-1  | four")
	w.loggedAt(appLog, "i-2", w.now.Add(-90*time.Second), "app-1  | from another instance")
	got := w.last(4)
	at := func(before time.Duration, stream, text string) perch.LogLine {
		return perch.LogLine{At: w.now.Add(-before), Stream: stream, Text: text}
	}
	want := perch.LogLines{Source: appLog, Masked: 1, Lines: []perch.LogLine{
		at(2*time.Minute, "i-1", "app-1  | two"),
		at(90*time.Second, "i-2", "app-1  | from another instance"),
		at(time.Minute, "i-1", "app-1  | token: [masked]"),
		at(0, "i-1", "app-1  | four"),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLinesFromBeforeAreLeftOut(t *testing.T) {
	w := newWorld(t)
	w.loggedAt(appLog, "i-1", w.now.Add(-7*time.Hour), "app-1  | the version before")
	w.loggedAt(engineLog, "i-1", w.now.Add(-5*time.Hour), "[ERROR] manifest unknown")
	got := w.last(30)
	if got.Source != engineLog || !slices.Equal(texts(got), []string{"[ERROR] manifest unknown"}) {
		t.Errorf("%+v", got)
	}
}

func TestEmptyPagesDoNotEndTheSearch(t *testing.T) {
	w := newWorld(t)
	w.loggedAt(appLog, "i-1", w.now.Add(-5*time.Hour), "app-1  | one", "app-1  | two")
	w.loggedAt(appLog, "i-1", w.now.Add(-2*time.Hour), "app-1  | three")
	if got := texts(w.last(2)); !slices.Equal(got, []string{"app-1  | two", "app-1  | three"}) {
		t.Errorf("%q", got)
	}
}

func TestWhyThereAreNoLinesIsASentence(t *testing.T) {
	denied := "User: arn:aws:sts::123456789012:assumed-role/worker/x is not authorized to perform: logs:FilterLogEvents"
	for name, test := range map[string]struct {
		fault *aws.Fault
		want  string
	}{
		"no log group": {nil, "environment shop-login has logged nothing in CloudWatch Logs since 20"},
		"denied": {
			&aws.Fault{Service: "logs", Code: "AccessDeniedException", Message: denied},
			"the worker may not read log group " + appLog + ": give its role logs:FilterLogEvents",
		},
		"throttled": {
			&aws.Fault{Service: "logs", Code: "ThrottlingException", Message: "Rate exceeded"},
			"CloudWatch Logs gets too many requests at the moment; read log group " + appLog + " there",
		},
		"no answer": {&aws.Fault{Service: "logs", Drop: true}, "read log group " + appLog + ": "},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if test.fault != nil {
				if _, err := w.server.AddFault(*test.fault); err != nil {
					t.Fatal(err)
				}
			}
			got := w.last(30)
			if len(got.Lines) > 0 || !strings.HasPrefix(got.Problem, test.want) {
				t.Errorf("%+v", got)
			}
		})
	}
}
