package activities

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/seed"
	"perch/sandbox/aws"
)

func ran(step string, code int, output string) perch.SeedDone {
	return perch.SeedDone{Step: step, ExitCode: &code, Output: output}
}

// commands are the comments of the commands that the world's instances have got.
func (w *world) commands() (comments []string) {
	w.t.Helper()
	out, err := ssm.NewFromConfig(w.config).ListCommandInvocations(w.t.Context(), &ssm.ListCommandInvocationsInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range out.CommandInvocations {
		comments = append(comments, *c.Comment)
	}
	return comments
}

func TestARunStepRunsInTheAppsContainerOnce(t *testing.T) {
	w, in := laterWorld(
		t, "  - run: {command: [echo, \"it's $HOME\", \"{{ssm:x}}\"]}\n  - run: {command: [printenv, PERCH_COMMIT]}\n",
	)
	want := contract.SeedResult{Seeded: true, Steps: []perch.SeedDone{
		ran("run echo it's $HOME {{ssm:x}}", 0, "it's $HOME {{ssm:x}}"), ran("run printenv PERCH_COMMIT", 0, in.Commit),
	}}
	if diff := cmp.Diff(want, must(w, of[*Seeds](w).environments.SeedDeployed, in)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if out := must(w, of[*Seeds](w).environments.SeedDeployed, in); out.Seeded || len(w.commands()) != 2 {
		t.Errorf("it ran again: %+v, %q", out, w.commands())
	}
}

func TestStepsRunInTheOrderOfTheFileWithinTheirPhase(t *testing.T) {
	w, in := laterWorld(t, "  - run: {command: [echo, \"1\"]}\n  - s3: {from: fixtures/other, to: assets}\n  - http: "+
		"{path: /two}\n  - run: {command: [echo, \"3\"]}\n")
	serveApp(t, &in, func(rw http.ResponseWriter, _ *http.Request, _ int) { rw.WriteHeader(http.StatusNoContent) })
	var names []string
	for _, later := range []bool{false, true} {
		in.Later = later
		for _, did := range must(w, of[*Seeds](w).environments.SeedDeployed, in).Steps {
			names = append(names, did.Step)
		}
	}
	if want := []string{
		"s3 fixtures/media", "s3 fixtures/other", "run echo 1", "http POST /two", "run echo 3",
	}; !slices.Equal(names, want) {
		t.Errorf("got %q", names)
	}
}

func TestS70ACommandThatFailsShowsItsOutputAndIsNotRunAgainInTheRun(t *testing.T) {
	w, in := laterWorld(
		t, "  - run: {command: [echo, first]}\n  - run: {command: [python, manage.py, loaddata, demo]}\n",
	)
	for range 2 {
		_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
		activitytest.WantFinal(
			t, err, perch.ErrorSeedFailed,
			`seed step "run python manage.py loaddata demo": the command ended with exit code 127`,
			"goes on from this step. The end of its output:\npython: not found. The sandbox runs no container",
		)
	}
	if got := w.commands(); len(got) != 2 {
		t.Errorf("the commands sent were %q", got)
	}
}

func TestACommandThatTakesTooLongIsToldFromOneThatFails(t *testing.T) {
	w, in := laterWorld(t, "  - run: {command: [sleep, \"60\"], timeout: 1s}\n")
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(t, err, perch.ErrorSeedFailed, "the command ended as TimedOut; its timeout is 1s")
}

func TestS70ATryThatComesAfterAnotherWaitsForTheSameCommand(t *testing.T) {
	const steps = "  - run: {command: [echo, done]}\n  - run: {command: [sleep, \"1\"]}\n"
	t.Run("by the heartbeat", func(t *testing.T) {
		w, in := laterWorld(t, steps)
		w.fault(aws.Fault{
			Service: "ssm", Action: "GetCommandInvocation", Status: 500, Code: "InternalServerError",
			Message: "not now", Count: 1,
		})
		env := activitytest.NewEnvironment()
		var last perch.Progress
		env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
			_ = details.Get(&last)
		})
		_, err := activitytest.TryIn(env, of[*Seeds](w).environments.SeedDeployed, in)
		activitytest.WantRetry(t, err, "not now")
		if !strings.HasPrefix(last.Cursor, "seeds/") {
			t.Fatalf("the heartbeat is %+v", last)
		}
		again := activitytest.NewEnvironment()
		again.SetHeartbeatDetails(last)
		if out, err := activitytest.TryIn(
			again, of[*Seeds](w).environments.SeedDeployed, in,
		); err != nil || len(out.Steps) != 2 || out.Steps[0].Output != "done" {
			t.Fatalf("%+v, %v", out, err)
		}
		if got := w.commands(); len(got) != 2 || w.calls("ssm", "ListCommandInvocations") != 3 {
			t.Errorf(
				"%d commands were sent; they were looked for %d times, want once for each step and once by this test",
				len(got), w.calls("ssm", "ListCommandInvocations"),
			)
		}
	})
	t.Run("by the command's comment", func(t *testing.T) {
		w, in := laterWorld(t, steps)
		w.fault(aws.Fault{Service: "ssm", Action: "SendCommand", When: aws.After, Drop: true, Count: 1})
		_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
		activitytest.WantRetry(t, err, "send a command to instance i-0")
		if out, err := activitytest.Try(
			of[*Seeds](w).environments.SeedDeployed, in,
		); err != nil || len(out.Steps) != 2 || out.Steps[0].Output != "done" {
			t.Fatalf("%+v, %v", out, err)
		}
		if got := w.commands(); len(got) != 2 || got[0] == got[1] {
			t.Errorf("the commands sent were %q", got)
		}
	})
}

// tries runs the activity as a workflow does, which tries it again after a failure that may pass.
func tries(t *testing.T, seeds *Seeds, in seed.Deployed) (out contract.SeedResult) {
	t.Helper()
	env := activitytest.NewSuite().NewTestWorkflowEnvironment().SetTestTimeout(time.Minute)
	env.RegisterActivity(seeds.environments.SeedDeployed)
	env.ExecuteWorkflow(func(ctx workflow.Context) (out contract.SeedResult, err error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		err = workflow.ExecuteActivity(ctx, seeds.environments.SeedDeployed, in).Get(ctx, &out)
		return out, err
	})
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestS70ACommandWhoseAnswerWasLostIsFoundInAListThatLags(t *testing.T) {
	w, in := laterWorld(t, "  - run: {command: [echo, done]}\n  - run: {command: [\"true\"]}\n")
	const stale = 6
	w.fault(aws.Fault{Service: "ssm", Action: "SendCommand", When: aws.After, Drop: true, Count: 1})
	w.fault(aws.Fault{Service: "ssm", Stale: 3600, Count: stale})
	if out := tries(t, of[*Seeds](w), in); len(out.Steps) != 2 || out.Steps[0].Output != "done" {
		t.Errorf("%+v", out)
	}
	if got, want := w.calls("ssm", "ListCommandInvocations"), stale+2; got != want {
		t.Errorf("commands were listed %d times, want %d: once by the first try, until the command was there, and "+
			"once for the step after it", got, want)
	}
	if got := w.commands(); len(got) != 2 || got[0] == got[1] {
		t.Errorf("the commands sent were %q", got)
	}
}

func TestACommandThatNoTryHasSentIsSentAfterSomeLooks(t *testing.T) {
	w, in := laterWorld(t, "  - run: {command: [echo, done]}\n")
	w.fault(aws.Fault{
		Service: "ssm", Action: "SendCommand", Status: 500, Code: "InternalServerError", Message: "not now", Count: 1,
	})
	if out := tries(t, of[*Seeds](w), in); len(out.Steps) != 1 {
		t.Errorf("%+v", out)
	}
	if looks := w.calls("ssm", "ListCommandInvocations") - 1; looks != 12 {
		t.Errorf("the second try listed the commands %d times, want %d", looks, 12)
	}
	if got := w.commands(); len(got) != 1 {
		t.Errorf("the commands sent were %q", got)
	}
}

func TestRunCommandsDelaysAreWaitedOut(t *testing.T) {
	w, in := laterWorld(t, "  - run: {command: [\"true\"]}\n")
	w.fault(aws.Fault{
		Service: "ssm", Action: "SendCommand", Status: 400, Code: "InvalidInstanceId",
		Message: "Instances not in a valid state", Count: 2,
	})
	w.fault(aws.Fault{
		Service: "ssm", Action: "GetCommandInvocation", Status: 400, Code: "InvocationDoesNotExist", Count: 2,
	})
	want := []perch.SeedDone{ran("run true", 0, "")}
	if diff := cmp.Diff(want, must(w, of[*Seeds](w).environments.SeedDeployed, in).Steps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAnAgentThatNeverReportsIsNamedWithItsRemedy(t *testing.T) {
	w, in := laterWorld(t, "  - run: {command: [\"true\"]}\n")
	w.fault(aws.Fault{
		Service: "ssm", Action: "SendCommand", Status: 400, Code: "InvalidInstanceId",
		Message: "Instances not in a valid state",
	})
	env := activitytest.NewEnvironment()
	// An earlier try has waited already.
	env.SetHeartbeatDetails(perch.Progress{Status: "SEEDING", Resource: "run true", Since: time.Now().Add(-time.Hour)})
	_, err := activitytest.TryIn(env, of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(
		t, err, perch.ErrorSeedFailed, "Systems Manager knows none of the environment's instances (i-0",
		"run `perch application up`",
	)
}

func TestAMissingPermissionForRunCommandIsNamed(t *testing.T) {
	for action, right := range map[string]string{
		"SendCommand": "ssm:SendCommand", "GetCommandInvocation": "ssm:GetCommandInvocation",
	} {
		t.Run(action, func(t *testing.T) {
			w, in := laterWorld(t, "  - run: {command: [\"true\"]}\n")
			w.fault(aws.Fault{
				Service: "ssm", Action: action, Status: 400, Code: "AccessDeniedException", Message: "not authorized",
			})
			_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
			activitytest.WantFinal(t, err, perch.ErrorDenied, "lacks "+right)
		})
	}
}

func TestAStackWithoutInstancesRunsNothing(t *testing.T) {
	w, in := laterWorld(t, "  - run: {command: [\"true\"]}\n")
	in.StackID = w.bare("shop-bare", "bare", nil)
	w.settle(in.StackID)
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(t, err, perch.ErrorSeedFailed, "the stack has no Elastic Beanstalk environment")
}
