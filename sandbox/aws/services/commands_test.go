package services

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	eb "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"perch/sandbox/aws/wire"
)

// instance returns the id of an instance of a ready environment.
func (a *account) instance() string {
	a.t.Helper()
	balancer := a.createShop()
	a.createReady(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	return a.instances()[0]
}

func (a *account) instances() (ids []string) {
	a.t.Helper()
	out, err := eb.NewFromConfig(a.aws).DescribeEnvironmentResources(
		a.t.Context(), &eb.DescribeEnvironmentResourcesInput{EnvironmentName: aws.String("shop-login")},
	)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, instance := range out.EnvironmentResources.Instances {
		ids = append(ids, aws.ToString(instance.Id))
	}
	return ids
}

func (a *account) send(instance string, parameters map[string][]string) (*ssm.SendCommandOutput, error) {
	return ssm.NewFromConfig(a.aws).SendCommand(a.t.Context(), &ssm.SendCommandInput{
		DocumentName: aws.String(shellDocument), InstanceIds: []string{instance}, Comment: aws.String("seed"),
		Parameters: parameters,
	})
}

// runScript sends a script and returns its result.
func (a *account) runScript(instance string, lines ...string) *ssm.GetCommandInvocationOutput {
	a.t.Helper()
	sent, err := a.send(instance, map[string][]string{"commands": lines})
	if err != nil {
		a.t.Fatal(err)
	}
	return a.invocation(aws.ToString(sent.Command.CommandId), instance)
}

func (a *account) invocation(id, instance string) *ssm.GetCommandInvocationOutput {
	a.t.Helper()
	out, err := ssm.NewFromConfig(a.aws).GetCommandInvocation(
		a.t.Context(), &ssm.GetCommandInvocationInput{CommandId: &id, InstanceId: &instance},
	)
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

const inApp = "docker compose exec -T app "

func TestSendCommandSupportsAFewCommandsInTheContainer(t *testing.T) {
	a := newAccount(t, Config{})
	instance := a.instance()
	for name, test := range map[string]struct {
		line, output string
		code         int32
	}{
		"a double quote": {inApp + `'echo' '$(reboot) ' "it's" 2>&1 </dev/null`, "", commandNotFound},
		"single quotes": {
			inApp + `'echo' '$(reboot); ' 'it'\''s' 2>&1 </dev/null`, "$(reboot);  it's\n", 0,
		},
		"a word of several lines": {inApp + "'echo' 'a\nb'", "a\nb\n", 0},
		"the end of the output":   {inApp + "'echo' 'abcdef' 2>&1 </dev/null | tail -c 4", "def\n", 0},
		"success":                 {inApp + "true", "", 0},
		"failure":                 {inApp + "'false' | tail -c 10", "", 1},
		"a variable":              {inApp + "printenv PERCH_BRANCH", "login\n", 0},
		"all variables":           {inApp + "env", "PERCH_BRANCH=login\n", 0},
		"an unset variable":       {inApp + "printenv SECRET", "", 1},
		"an unknown command in the container": {
			inApp + "'python' 'manage.py'", "python: not found. The sandbox runs no container", commandNotFound,
		},
		"a command on the machine": {"touch /tmp/perch", "The sandbox has no shell", commandNotFound},
		"a substitution":           {inApp + "echo $(id)", "The sandbox has no shell", commandNotFound},
		"another folder":           {"cd /etc || exit 1", "The sandbox has no shell", commandNotFound},
		"a redirection to a file":  {inApp + "echo a >b", "The sandbox has no shell", commandNotFound},
		"another pipe":             {inApp + "echo a | sh", "The sandbox has no shell", commandNotFound},
		"an unclosed quote":        {inApp + "echo 'a", "a quote that is not closed", commandNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.runScript(instance, "#!/bin/bash", "set -o pipefail", "cd /var/app/current || exit 1", test.line)
			status := map[bool]types.CommandInvocationStatus{
				true: types.CommandInvocationStatusSuccess, false: types.CommandInvocationStatusFailed,
			}[test.code == 0]
			output := aws.ToString(got.StandardOutputContent)
			if got.Status != status || got.ResponseCode != test.code ||
				!strings.HasPrefix(output, test.output) && !strings.Contains(output, test.output) {
				t.Errorf("%s, exit code %d, output %q", got.Status, got.ResponseCode, output)
			}
			if test.code == 0 && output != test.output {
				t.Errorf("output %q, want %q", output, test.output)
			}
		})
	}
}

func TestSkipCommandsMakesAnUnknownCommandSucceed(t *testing.T) {
	a := newAccount(t, Config{SkipCommands: true})
	instance := a.instance()
	got := a.runScript(instance, inApp+"'python' 'manage.py' 2>&1 </dev/null | tail -c 2000")
	want := "Skipped: the sandbox runs no container, so it did not run python and reports success. " +
		"With --run=strict, the command fails.\n"
	if output := aws.ToString(got.StandardOutputContent); got.Status != "Success" || got.ResponseCode != 0 ||
		output != want {
		t.Errorf("%s, exit code %d, output %q", got.Status, got.ResponseCode, output)
	}
	for _, line := range []string{inApp + "false", "touch /tmp/perch"} {
		if got := a.runScript(instance, line); got.Status != "Failed" {
			t.Errorf("the status of %q is %s, want Failed", line, got.Status)
		}
	}
}

func TestACommandEndsAfterItsDurationOrItsTimeout(t *testing.T) {
	a := newAccount(t, Config{})
	instance := a.instance()
	sent, err := a.send(instance, map[string][]string{"commands": {inApp + "sleep 30"}})
	if err != nil {
		t.Fatal(err)
	}
	late, err := a.send(instance, map[string][]string{"commands": {inApp + "sleep 30"}, "executionTimeout": {"10"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after      time.Duration
		long, late types.CommandInvocationStatus
	}{
		{0, "InProgress", "InProgress"}, {10 * time.Second, "InProgress", "TimedOut"},
		{20 * time.Second, "Success", "TimedOut"},
	} {
		a.now = a.now.Add(step.after)
		diff(t, []types.CommandInvocationStatus{
			a.invocation(*sent.Command.CommandId, instance).Status,
			a.invocation(*late.Command.CommandId, instance).Status,
		},
			[]types.CommandInvocationStatus{step.long, step.late})
	}
}

func TestCommandsAreListedWithTheirComments(t *testing.T) {
	a := newAccount(t, Config{})
	instance := a.instance()
	old := a.runScript(instance, inApp+"true")
	a.now = a.now.Add(time.Minute)
	fresh := a.runScript(instance, inApp+"false")
	list := func(in *ssm.ListCommandInvocationsInput) (ids []string) {
		t.Helper()
		out, err := ssm.NewFromConfig(a.aws).ListCommandInvocations(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range out.CommandInvocations {
			if aws.ToString(c.Comment) != "seed" || aws.ToString(c.InstanceId) != instance {
				t.Errorf("invocation is %+v, want the comment seed and the instance %s", c, instance)
			}
			ids = append(ids, aws.ToString(c.CommandId))
		}
		return ids
	}
	diff(t, list(&ssm.ListCommandInvocationsInput{}), []string{*fresh.CommandId, *old.CommandId})
	after := []types.CommandFilter{
		{Key: types.CommandFilterKeyInvokedAfter, Value: aws.String(a.now.Format(time.RFC3339))},
	}
	diff(t, list(&ssm.ListCommandInvocationsInput{Filters: after}), []string{*fresh.CommandId})
	diff(t, list(&ssm.ListCommandInvocationsInput{CommandId: old.CommandId}), []string{*old.CommandId})
}

func TestALaggingListLeavesOutNewerCommands(t *testing.T) {
	a := newAccount(t, Config{})
	instance := a.instance()
	old := a.runScript(instance, inApp+"true")
	a.now = a.now.Add(time.Minute)
	a.runScript(instance, inApp+"false")
	for lag, want := range map[time.Duration][]string{time.Second: {*old.CommandId}, time.Hour: nil} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.Header.Set("X-Amz-Target", "AmazonSSM.ListCommandInvocations")
		recorder := httptest.NewRecorder()
		a.service.Services()["ssm"].ServeHTTP(recorder, r.WithContext(wire.WithLag(r.Context(), lag)))
		var out struct{ CommandInvocations []struct{ CommandId string } }
		if err := json.Unmarshal(recorder.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range out.CommandInvocations {
			ids = append(ids, c.CommandId)
		}
		diff(t, ids, want)
	}
}

func TestInvalidCommandsHaveAWSsErrors(t *testing.T) {
	a := newAccount(t, Config{})
	client := ssm.NewFromConfig(a.aws)
	balancer := a.createShop()
	a.create(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	launching := a.instances()[0]
	_, elsewhere := client.GetCommandInvocation(
		t.Context(),
		&ssm.GetCommandInvocationInput{CommandId: aws.String(strings.Repeat("0", 36)), InstanceId: &launching},
	)
	_, unknown := a.send("i-00000000000000000", map[string][]string{"commands": {"true"}})
	_, early := a.send(launching, map[string][]string{"commands": {"true"}})
	_, document := client.SendCommand(
		t.Context(), &ssm.SendCommandInput{DocumentName: aws.String("AWS-Other"), InstanceIds: []string{launching}},
	)
	_, empty := a.send(launching, nil)
	for want, err := range map[string]error{
		"InvocationDoesNotExist": elsewhere, "InvalidInstanceId": errors.Join(early, unknown),
		"InvalidDocument": document, "InvalidParameters": empty,
	} {
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != want {
			t.Errorf("error = %v, want %s", err, want)
		}
	}
}

func TestAnEnvironmentHasAsManyInstancesAsItsMinSize(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	settings := environmentProperties(balancer.ID)
	settings["OptionSettings"] = append(settings["OptionSettings"].([]any), setting(nsGroup, "MinSize", "2"))
	_, r := a.createReady(typeEnvironment, "Environment", settings)
	before := a.instances()
	if len(before) != 2 || before[0] == before[1] {
		t.Fatalf("instances %v", before)
	}
	r.Properties = environmentProperties(balancer.ID)
	r.Properties["OptionSettings"] = append(r.Properties["OptionSettings"].([]any), setting(nsGroup, "MinSize", "1"))
	if _, err := a.service.Handlers()[typeEnvironment].Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	diff(t, a.instances(), before[:1])
}

func TestCreateSecretRejectsATakenName(t *testing.T) {
	a := newAccount(t, Config{})
	client := secretsmanager.NewFromConfig(a.aws)
	in := &secretsmanager.CreateSecretInput{Name: aws.String("shop/seed-token"), SecretString: aws.String("s3cret")}
	made, err := client.CreateSecret(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{
		*made.ARN, "shop/seed-token", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/seed-token",
	} {
		diff(t, a.secretString(id), "s3cret")
	}
	_, err = client.CreateSecret(t.Context(), in)
	wantError(
		t, err, "ResourceExistsException: The operation failed because the secret shop/seed-token already exists.",
	)
}

func TestEnvironmentsReturnTheirSeedToken(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	secret, _ := a.createReady(typeSecret, "Secret", map[string]any{"SecretString": "s3cret"})
	parameter, _ := a.createReady(
		typeParameter, "Parameter", map[string]any{"Name": "/shop/token", "Type": "String", "Value": "plain"},
	)
	_, r := a.createReady(typeEnvironment, "Environment", environmentProperties(balancer.ID))
	for reference, want := range map[string]struct {
		guarded bool
		token   string
	}{
		"": {false, ""}, secret.ID: {true, "s3cret"}, parameter.ID: {true, "plain"},
		"arn:aws:ssm:eu-central-1:123456789012:parameter/none": {true, ""},
	} {
		settings := environmentProperties(balancer.ID)
		settings["OptionSettings"] = append(
			settings["OptionSettings"].([]any), setting(nsSecrets, "SEED_TOKEN", reference),
		)
		r.Properties = settings
		if _, err := a.service.Handlers()[typeEnvironment].Update(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		a.settle(r)
		if got := a.service.Environments()[0]; got.Guarded != want.guarded || got.SeedToken != want.token {
			t.Errorf("%q: guarded %t, token %q", reference, got.Guarded, got.SeedToken)
		}
	}
}

// FuzzShellWords checks that any script is split into words or rejected, and that quoted words stay
// the same.
func FuzzShellWords(f *testing.F) {
	for _, seed := range []string{"", "a", "it's", "'", "\\", "a b\nc", "| tail -c 4", "2>&1", "$(id)", "#"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = shellWords(text)
		words, err := shellWords("x '" + strings.ReplaceAll(text, "'", `'\''`) + "' y")
		if err != nil || len(words) != 3 || words[1] != (shellWord{text: text}) {
			t.Errorf("a quoted word %q is split into %v, %v", text, words, err)
		}
	})
}
