package logs

import (
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch"
	"perch/sandbox/aws"
)

func (w *world) tail(n int) perch.LogLines {
	return w.reader.Tail(w.Context(), w.environment, w.now.Add(-6*time.Hour), n)
}

func TestATailIsOfAllLogsInTheOrderOfTime(t *testing.T) {
	w := newWorld(t)
	w.logged(engineLog, "[INFO] begin", "[INFO] end")
	w.loggedAt(appLog, "i-1", w.now.Add(-30*time.Second), "app-1  | \x1b[31mone\x1b[0m", "app-1  | password=hunter2")
	w.logged("/aws/elasticbeanstalk/shop-login-2/var/log/eb-engine.log", "another environment")
	got := w.tail(3)
	want := []string{"[INFO] begin", "app-1  | password=[masked]", "[INFO] end"}
	if !slices.Equal(texts(got), want) || got.Masked != 1 || got.Problem != "" || got.Lines[1].Stream != "i-1" ||
		got.Lines[0].File != "/var/log/eb-engine.log" || !strings.HasSuffix(got.Lines[1].File, "/stdouterr.log") {
		t.Errorf("%+v", got)
	}
}

func TestATailWithALogThatCannotBeReadSaysSo(t *testing.T) {
	w := newWorld(t)
	w.logged(engineLog, "[INFO] begin")
	w.logged(appLog, "app-1  | one")
	denied := "User: arn:aws:sts::123456789012:assumed-role/worker/x is not authorized to perform: logs:FilterLogEvents"
	if _, err := w.server.AddFault(aws.Fault{
		Service: "logs", Action: "FilterLogEvents", Contains: "stdouterr", Code: "AccessDeniedException",
		Message: denied,
	}); err != nil {
		t.Fatal(err)
	}
	if got := w.tail(3); !slices.Equal(texts(got), []string{"[INFO] begin"}) ||
		!strings.Contains(got.Problem, "give its role logs:FilterLogEvents") {
		t.Errorf("%+v", got)
	}
}

func TestAnEnvironmentThatStreamsNoLogsIsAskedBySystemsManager(t *testing.T) {
	w := newWorld(t)
	cfn := cloudformation.NewFromConfig(w.config)
	if _, err := cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: sdk.String("shop-login"), TemplateBody: sdk.String(unstreamed),
	}); err != nil {
		t.Fatal(err)
	}
	waiter := cloudformation.NewStackCreateCompleteWaiter(
		cfn,
		func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
		},
	)
	if err := waiter.Wait(
		t.Context(), &cloudformation.DescribeStacksInput{StackName: sdk.String("shop-login")}, time.Minute,
	); err != nil {
		t.Fatal(err)
	}
	got := w.reader.Tail(t.Context(), w.environment, w.now.Add(-100*time.Hour), 1)
	if !slices.Equal(texts(got), []string{"app-1  | listening on 0.0.0.0:80"}) ||
		!strings.HasPrefix(got.Source, "instance i-") {
		t.Errorf("%+v", got)
	}
}

func TestWithoutAnEnvironmentATailSaysSo(t *testing.T) {
	w := newWorld(t)
	if got := w.tail(3); len(got.Lines) > 0 || got.Problem == "" {
		t.Errorf("%+v", got)
	}
}

func TestLinesOfContainersHaveTheirTimes(t *testing.T) {
	got := containerLines(
		"i-1", "6Z cut in two\napp-1  | 2026-01-02T03:04:05.5Z token: x\nno time\nweb-1  | 2026-01-02T03:04:06Z\n",
	)
	if len(got) != 2 || got[0].Text != "app-1  | token: x" || got[0].At.Second() != 5 || got[0].Stream != "i-1" {
		t.Errorf("%+v", got)
	}
}

// unstreamed is an environment whose logs stay on its instance.
const unstreamed = `{"Resources": {
	"Application": {"Type": "AWS::ElasticBeanstalk::Application", "Properties": {}},
	"Environment": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {
		"ApplicationName": {"Ref": "Application"}, "EnvironmentName": "shop-login",
		"SolutionStackName": "64bit Amazon Linux 2023 v4.7.3 running Docker", "OptionSettings": [
			{"Namespace": "aws:elasticbeanstalk:environment", "OptionName": "EnvironmentType", "Value": "SingleInstance"}]}}}}`
