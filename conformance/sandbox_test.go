package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"perch/sandbox/aws"
)

const (
	testAccount = "123456789012"
	testRegion  = "eu-central-1"
)

// newSandbox starts the sandbox's AWS endpoint, at a speed at which operations take no time.
func newSandbox(t *testing.T) Target { return newSandboxAt(t, 1e7) }

// newSandboxAt starts the sandbox's AWS endpoint. Its operations are speed times as fast as on AWS.
func newSandboxAt(t *testing.T, speed float64) Target {
	t.Helper()
	server, err := aws.New(aws.Config{
		Account: testAccount, Region: testRegion, Speed: speed, EnforceIAM: true,
		Addresses: 20, // All environments can run at the same time.
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		_ = server.Close()
	})
	target := endpointTarget(listener.URL, testRegion, t.Output())
	target.Account, target.Hold = testAccount, holdIn(listener.URL)
	return target
}

// holdIn returns a Target.Hold that uses the sandbox's fault injection.
func holdIn(address string) func(context.Context, string, string, string) (func() error, error) {
	return func(ctx context.Context, logicalID, phase, stack string) (func() error, error) {
		body, err := json.Marshal(aws.Fault{LogicalID: logicalID, Phase: phase, Stack: stack, Hang: true})
		if err != nil {
			return nil, err
		}
		var fault aws.Fault
		if err := callSandbox(ctx, http.MethodPost, address+"/_perch/faults", body, &fault); err != nil {
			return nil, err
		}
		return func() error {
			return callSandbox(
				context.WithoutCancel(ctx), http.MethodDelete, address+"/_perch/faults?id="+fault.ID, nil, nil,
			)
		}, nil
	}
}

func callSandbox(ctx context.Context, method, address string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest && response.StatusCode != http.StatusNotFound {
		return fmt.Errorf("%s %s: %s", method, address, response.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// TestS210TheSandboxDoesWhatPerchAssumesAboutAWS checks every assumption against the sandbox, and
// checks that no resources are left.
func TestS210TheSandboxDoesWhatPerchAssumesAboutAWS(t *testing.T) {
	t.Parallel()
	slow, fast := []Assumption{}, []Assumption{}
	for _, b := range Assumptions() {
		if slices.Contains(slowAssumptions, b.Name) {
			slow = append(slow, b)
		} else {
			fast = append(fast, b)
		}
	}
	t.Run("fast", func(t *testing.T) { t.Parallel(); checkSandbox(t, newSandbox(t), fast) })
	t.Run("slow", func(t *testing.T) { t.Parallel(); checkSandbox(t, newSandboxAt(t, 120), slow) })
}

// slowAssumptions need an environment during an operation. No fault can hold an operation of
// Beanstalk, so their sandbox runs at speed 120: a launch takes 2 seconds, and the check makes two
// calls meanwhile.
var slowAssumptions = []string{
	"elasticbeanstalk/terminates-only-when-ready", "elasticbeanstalk/deletion-during-a-launch",
	"elasticbeanstalk/rollback-during-an-update",
}

func checkSandbox(t *testing.T, target Target, assumptions []Assumption) {
	t.Helper()
	for _, o := range Run(t.Context(), target, newRun(), assumptions) {
		known := o.Assumption.Sandbox != ""
		switch {
		case o.Verdict == Holds && known:
			t.Errorf("%s holds in the sandbox: remove the field Sandbox of the assumption", o.Assumption.Name)
		case o.Verdict != Holds && !known:
			t.Errorf("%s: %s: %s", o.Assumption.Name, o.Verdict, o.Detail)
		}
		if o.Left != "" {
			t.Errorf("%s: left over: %s", o.Assumption.Name, o.Left)
		}
	}
	wantNothingLeft(t, target)
}

func wantNothingLeft(t *testing.T, target Target) {
	t.Helper()
	found, err := Sweep(t.Context(), target, "", false)
	if err != nil || len(found) > 0 {
		t.Errorf("left over: %v, %v", found, err)
	}
}
