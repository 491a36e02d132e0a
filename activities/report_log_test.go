package activities

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
)

// logged writes lines into the log of the app of an environment.
func (w *world) logged(environment perch.Environment, lines ...string) {
	w.t.Helper()
	client, ctx, stream := cloudwatchlogs.NewFromConfig(w.config), w.t.Context(), "i-1"
	group := "/aws/elasticbeanstalk/" + environment.BeanstalkName() +
		"/var/log/eb-docker/containers/eb-current-app/stdouterr.log"
	_, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = client.CreateLogStream(
		ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	in, now := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream}, time.Now().UnixMilli()
	for _, line := range lines {
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: &now, Message: &line})
	}
	if _, err := client.PutLogEvents(ctx, in); err != nil {
		w.t.Fatal(err)
	}
}

func TestTheCardOfAFailedDeploymentHasTheLastLines(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.logged(
		activitytest.Environment("shop", "login"), "app-1  | connecting", "app-1  | DATABASE_PASSWORD=hunter2 is wrong",
	)
	report := func(phase perch.Phase, goal perch.Goal, stackID string, minute int) *perch.LogLines {
		t.Helper()
		in := reportIn("login", phase)
		in.StackID, in.State.Goal, in.State.At = stackID, goal, in.State.At.Add(time.Duration(minute)*time.Minute)
		if out := must(w, of[*Reports](w).Report, in); len(out.Problems) > 0 {
			t.Fatalf("problems: %q", out.Problems)
		}
		read, _ := w.cardOf("login")
		return read.Log
	}
	failed := report(perch.PhaseFailed, perch.GoalUp, "one", 1)
	if failed == nil || failed.Masked != 1 || len(failed.Lines) != 2 ||
		failed.Lines[1].Text != "app-1  | DATABASE_PASSWORD=[masked] is wrong" {
		t.Errorf("after the failure: %+v", failed)
	}
	notes := contract.ReportInput{
		Environment: activitytest.Environment("shop", "login"), Notes: []perch.Note{{ID: "n", Kind: perch.NoteReport}},
	}
	must(w, of[*Reports](w).Report, notes)
	if read, _ := w.cardOf("login"); read.Log == nil {
		t.Error("a note removed the lines")
	}
	for i, without := range []*perch.LogLines{
		report(perch.PhaseStack, perch.GoalUp, "one", 2), report(perch.PhaseFailed, perch.GoalGone, "one", 3),
		report(perch.PhaseFailed, perch.GoalUp, "", 4),
	} {
		if without != nil {
			t.Errorf("report %d has lines: %+v", i, without)
		}
	}
}

func TestLogsThatCannotBeReadAreASentenceInTheCard(t *testing.T) {
	w := newWorld(t)
	w.apply()
	in := reportIn("other", perch.PhaseFailed)
	in.StackID = "one"
	must(w, of[*Reports](w).Report, in)
	if read, _ := w.cardOf("other"); read.Log == nil || !strings.Contains(read.Log.Problem, "has logged nothing") {
		t.Errorf("%+v", read.Log)
	}
}
