package conformance

import (
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// motoDiffers are the assumptions that moto contradicts. motoFails are the assumptions that cannot
// be checked on moto, mostly because its server returns errors. Moto completes every CloudFormation
// operation at once, does not tag buckets, never fails a deletion, and cannot create some types of
// resources.
var (
	motoDiffers = []string{
		"cloudformation/bucket-that-is-not-empty",
		"cloudformation/creation-rolls-back",
		"cloudformation/delete-during-a-creation",
		"cloudformation/deleted-by-id",
		"cloudformation/deletion-canceled",
		"cloudformation/deletion-policy",
		"cloudformation/events-of-a-creation",
		"cloudformation/events-of-an-update",
		"cloudformation/force-after-failure-only",
		"cloudformation/missing-role",
		"cloudformation/no-deletion-during-an-update",
		"cloudformation/no-update-during-a-creation",
		"cloudformation/nothing-to-update",
		"cloudformation/replacement",
		"cloudformation/retain-after-failure-only",
		"cloudformation/rolled-back-creation-is-final",
		"cloudformation/stack-in-review",
		"cloudformation/tags-of-buckets",
		"cloudformation/termination-protection",
		"cloudformation/token-of-another-request",
		"cloudformation/token-on-events",
		"cloudformation/token-repeats-a-creation",
		"cloudformation/update-canceled",
		"cloudformation/update-rolls-back",
		"elasticbeanstalk/architecture-is-fixed",
		"elasticbeanstalk/bundle-bucket",
		"elasticbeanstalk/characters-in-values",
		"elasticbeanstalk/deletion-during-a-launch",
		"elasticbeanstalk/name-as-a-tag",
		"elasticbeanstalk/one-rule-for-an-environment",
		"elasticbeanstalk/removed-options-stay",
		"elasticbeanstalk/rollback-during-an-update",
		"elasticbeanstalk/rules-of-equal-priority",
		"elasticbeanstalk/shared-load-balancer-is-fixed",
		"elasticbeanstalk/shared-load-balancer-options",
		"elasticbeanstalk/switch-to-platform-arn",
		"elasticbeanstalk/tags-of-applications",
		"elasticbeanstalk/tags-of-environments",
		"elasticbeanstalk/terminated-environments",
		"elasticbeanstalk/terminates-only-when-ready",
		"iam/alarms-need-the-right-to-tag",
		"iam/log-group-names-do-not-allow-listing",
		"iam/service-role-is-used",
		"logs/newest-first",
		"rds/deletion-protection",
		"rds/extended-support-by-default",
		"rds/final-snapshot",
		"rds/names-of-databases",
		"rds/no-extended-support",
		"rds/stopped-database-is-deleted",
		"rds/stopped-database-is-not-changed",
		"route53/normalized-names",
		"route53/zone-with-another-record",
		"s3/delete-at-most-1000",
		"s3/delete-marker",
		"s3/expected-bucket-owner",
		"s3/newest-version-first",
		"s3/page-after-a-version",
		"s3/pages-of-1000",
		"s3/policy-denies-writes",
		"s3/tags-as-conditions",
		"s3/versioned-bucket-keeps-its-stack",
		"secretsmanager/deleted-at-once",
		"secretsmanager/generated-once",
		"secretsmanager/names-of-secrets",
		"secretsmanager/reference-by-arn",
		"ssm/unknown-command",
		"ssm/unknown-instance",
		"tagging/finds-by-tag",
		"tagging/lists-deleted-resources",
	}
	motoFails = []string{
		"cloudformation/cancel-an-update",
		"cloudformation/cancel-too-late",
		"cloudformation/list-imports",
		"cloudformation/nothing-to-continue",
		"elasticbeanstalk/address-of-a-single-instance",
		"elasticbeanstalk/options-to-remove",
		"elasticbeanstalk/permissions-of-the-caller",
		"elasticbeanstalk/platform-is-updated",
		"elasticbeanstalk/tags-of-instances",
		"rds/tls-is-required",
		"route53/answers-when-in-sync",
		"s3/encoded-keys",
	}
)

// TestS214AnotherEndpointShowsWhereItDiffers checks every assumption against moto, an endpoint
// other than the sandbox. The run must report where moto differs from AWS.
func TestS214AnotherEndpointShowsWhereItDiffers(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	command := Command{Endpoint: startMoto(t), Region: testRegion, Out: &out}
	if code := command.Run(t.Context()); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	verdicts := map[string][]string{}
	for line := range strings.Lines(out.String()) {
		for _, verdict := range []string{Holds, Differs, NotChecked} {
			if rest, ok := strings.CutPrefix(line, verdict+" "); ok {
				name, _, _ := strings.Cut(strings.TrimSpace(rest), ":")
				verdicts[verdict] = append(verdicts[verdict], name)
			}
		}
	}
	for verdict, want := range map[string][]string{Differs: motoDiffers, NotChecked: motoFails} {
		slices.Sort(verdicts[verdict])
		if !slices.Equal(verdicts[verdict], want) {
			t.Errorf("%s:\n%s\nwant:\n%s", verdict, strings.Join(verdicts[verdict], "\n"), strings.Join(want, "\n"))
		}
	}
	if len(verdicts[Holds])+len(motoDiffers)+len(motoFails) != len(Assumptions()) {
		t.Errorf("the run has no verdict on some of %d assumptions:\n%s", len(Assumptions()), &out)
	}
	if t.Failed() {
		t.Log("if moto has changed, update motoDiffers and motoFails\n" + out.String())
	}
}

// startMoto starts moto's server, which runs until the test ends, and returns its URL.
func startMoto(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is missing; pip install 'moto[server]'")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	host, port, err := net.SplitHostPort(address)
	if err != nil || listener.Close() != nil {
		t.Fatal(err)
	}
	server := exec.Command(program, "-H", host, "-p", port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for t.Context().Err() == nil {
		response, err := http.Get("http://" + address + "/moto-api/")
		if err == nil {
			_ = response.Body.Close()
			return "http://" + address
		}
		waitFor(t, 20*time.Millisecond)
	}
	t.Fatal("moto does not respond")
	return ""
}

// waitFor waits for a duration, or until the test ends.
func waitFor(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}
