package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	sandbox "perch/sandbox/aws"
)

// newCommand returns a command for a real account that calls the sandbox instead of AWS.
func newCommand(t *testing.T) (Command, Target, *strings.Builder) {
	t.Helper()
	target, out, folder := newSandbox(t), &strings.Builder{}, t.TempDir()
	page := filepath.Join(folder, "fidelity.md")
	if err := os.WriteFile(page, []byte(beginMark+endMark), 0o600); err != nil {
		t.Fatal(err)
	}
	return Command{
		AWS: true, Account: testAccount, Region: testRegion, Results: filepath.Join(folder,
			"results.json"), Page: page, Out: out,
		load: func(context.Context, string) (aws.Config, error) { return target.Config, nil },
		now:  func() time.Time { return time.Date(2026, 11, 29, 1, 0, 0, 0, time.UTC) },
	}, target, out
}

// sandboxCalls returns the actions of all calls that the sandbox has received.
func sandboxCalls(t *testing.T, target Target) []string {
	t.Helper()
	var seen struct {
		Calls []sandbox.Call `json:"calls"`
	}
	address := *target.Config.BaseEndpoint + "/_perch/calls"
	if err := callSandbox(t.Context(), http.MethodGet, address, nil, &seen); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, call := range seen.Calls {
		actions = append(actions, call.Action)
	}
	return actions
}

// TestS211ARunOnAWSNeedsConsent checks that wrong flags and a missing -yes end the command with a
// message, before it changes anything.
func TestS211ARunOnAWSNeedsConsent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Command)
		want   string
	}{
		"without -yes":       {func(*Command) {}, "add -yes to start"},
		"sweep without -yes": {func(c *Command) { c.Sweep = true }, "add -yes to start"},
		"another account": {func(c *Command) { c.Yes, c.Account = true, "210987654321" },
			"the credentials are for account 123456789012, and -account is 210987654321"},
		"no account": {func(c *Command) { c.Yes, c.Account = true, "" },
			`-account is "": give the 12 digits`},
		"no region": {func(c *Command) { c.Yes, c.Region = true, "" }, `-region is "": give a region`},
		"-aws and -endpoint": {func(c *Command) { c.Yes, c.Endpoint = true, "http://127.0.0.1:1" },
			"give either -aws"},
		"an unknown assumption": {func(c *Command) { c.Yes, c.Only = true, "s4/" }, `no assumption is named "s4/..."`},
		"a timeout that is too short": {func(c *Command) { c.Yes, c.Timeout = true, 10*time.Minute },
			"go test would end the run after 10m0s"},
		"no credentials": {func(c *Command) { c.Yes, c.load = true, withoutCredentials },
			"the credentials cannot be used in eu-central-1"},
		"AWS_ENDPOINT_URL": {
			func(c *Command) { c.Yes, c.Environ = true, []string{"AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"} },
			"AWS_ENDPOINT_URL_S3 is set",
		},
		"an endpoint that does not respond": {func(c *Command) { c.AWS, c.Endpoint = false, "http://127.0.0.1:1" },
			"the endpoint http://127.0.0.1:1 cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			command, target, out := newCommand(t)
			test.change(&command)
			code := command.Run(t.Context())
			if code != exitUsage || !strings.Contains(out.String(), test.want) {
				t.Errorf("exit code %d, output %q; want %d and %q", code, out, exitUsage, test.want)
			}
			for _, action := range sandboxCalls(t, target) {
				if action != "GetCallerIdentity" {
					t.Errorf("the command called %s", action)
				}
			}
		})
	}
}

func withoutCredentials(context.Context, string) (aws.Config, error) {
	none := func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("no credentials") }
	return aws.Config{Region: testRegion, Credentials: aws.CredentialsProviderFunc(none)}, nil
}

// TestS212ARunOnAWSAnnouncesItsCostAndRecordsResults runs the whole command with the sandbox
// instead of AWS.
func TestS212ARunOnAWSAnnouncesItsCostAndRecordsResults(t *testing.T) {
	t.Parallel()
	command, target, out := newCommand(t)
	before := Results{
		"s3/no-policy":                     {Verdict: Differs, Date: "2026-01-01"},
		"route53/zone-with-another-record": {Verdict: Holds, Date: "2026-01-01"},
	}
	if err := before.write(command.Results); err != nil {
		t.Fatal(err)
	}
	command.Yes, command.Only = true, "s3/"
	if code := command.Run(t.Context()); code != exitDone {
		t.Fatalf("exit code %d: %s", code, out)
	}
	announced, _, _ := strings.Cut(out.String(), "holds ")
	for _, words := range []string{"in account 123456789012 in eu-central-1", "It takes about ",
		"costs about 0.00 USD", Tag} {
		if !strings.Contains(announced, words) {
			t.Errorf("the announcement does not contain %q: %s", words, announced)
		}
	}
	results, err := readResults(command.Results)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := results["s3/no-policy"], (Result{Verdict: Holds, Date: "2026-11-29",
		Region: testRegion}); got != want {
		t.Errorf("the result is %v, want %v", got, want)
	}
	if got := results["route53/zone-with-another-record"].Date; got != "2026-01-01" {
		t.Errorf("the result of an assumption that the run did not check has the new date %s", got)
	}
	page, err := os.ReadFile(command.Page)
	if err != nil || !strings.Contains(string(page), "| holds | holds | 2026-11-29 eu-central-1 |") {
		t.Errorf("the page does not have the results of the run: %s, %v", page, err)
	}
	wantNothingLeft(t, target)
}

// TestAssumptionThatCannotBeCheckedKeepsItsResult makes CreateStack fail with AccessDenied.
func TestAssumptionThatCannotBeCheckedKeepsItsResult(t *testing.T) {
	t.Parallel()
	command, target, out := newCommand(t)
	fault, err := json.Marshal(sandbox.Fault{Service: "cloudformation", Action: "CreateStack", Status: 403,
		Code: "AccessDenied", Message: "no"})
	if err != nil {
		t.Fatal(err)
	}
	if err := callSandbox(
		t.Context(), http.MethodPost, *target.Config.BaseEndpoint+"/_perch/faults", fault, nil,
	); err != nil {
		t.Fatal(err)
	}
	command.Yes, command.Only = true, "s3/no-policy"
	before := Results{"s3/no-policy": {Verdict: Holds, Date: "2026-01-01"}}
	if err := before.write(command.Results); err != nil {
		t.Fatal(err)
	}
	if code := command.Run(t.Context()); code != exitFailed || !strings.Contains(out.String(),
		"not checked  s3/no-policy") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if results, err := readResults(command.Results); err != nil || results["s3/no-policy"] != before["s3/no-policy"] {
		t.Errorf("the results are %v, %v", results, err)
	}
}
