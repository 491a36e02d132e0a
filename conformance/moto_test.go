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

// motoDiffers are the beliefs that moto contradicts, and motoFails those that cannot be checked
// there, mostly because its server fails. Moto executes every CloudFormation operation at once,
// tags no buckets, has no failed deletions, and cannot create every resource type.
var (
	motoDiffers = []string{
		"cloudformation/creation-rolls-back",
		"cloudformation/delete-during-a-creation",
		"cloudformation/deleted-by-id",
		"cloudformation/deletion-canceled",
		"cloudformation/deletion-policy",
		"cloudformation/events-of-a-creation",
		"cloudformation/events-of-an-update",
		"cloudformation/force-after-failure-only",
		"cloudformation/full-bucket",
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
		"elasticbeanstalk/change-over-to-platform-arn",
		"elasticbeanstalk/deletion-during-a-launch",
		"elasticbeanstalk/name-is-no-tag",
		"elasticbeanstalk/one-rule-for-an-environment",
		"elasticbeanstalk/removed-options-stay",
		"elasticbeanstalk/rollback-during-an-update",
		"elasticbeanstalk/rules-of-equal-priority",
		"elasticbeanstalk/shared-load-balancer-is-fixed",
		"elasticbeanstalk/shared-load-balancer-options",
		"elasticbeanstalk/signs-in-values",
		"elasticbeanstalk/tags-of-applications",
		"elasticbeanstalk/tags-of-environments",
		"elasticbeanstalk/terminated-environments",
		"elasticbeanstalk/terminates-only-when-ready",
		"iam/alarms-need-the-right-to-tag",
		"iam/listing-log-groups-has-no-name",
		"iam/service-role-is-used",
		"logs/newest-first",
		"rds/deletion-protection",
		"rds/extended-support-by-default",
		"rds/final-snapshot",
		"rds/names-of-databases",
		"rds/no-extended-support",
		"rds/stopped-database-is-deleted",
		"rds/stopped-database-is-not-changed",
		"route53/full-zone",
		"route53/names-are-normal",
		"s3/delete-at-most-1000",
		"s3/delete-marker",
		"s3/newest-version-first",
		"s3/owner-of-the-bucket",
		"s3/page-behind-a-version",
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
		"tagging/lists-what-is-gone",
	}
	motoFails = []string{
		"cloudformation/cancel-an-update",
		"cloudformation/cancel-too-late",
		"cloudformation/list-imports",
		"cloudformation/nothing-to-continue",
		"elasticbeanstalk/address-of-a-single-instance",
		"elasticbeanstalk/options-to-remove",
		"elasticbeanstalk/platform-is-updated",
		"elasticbeanstalk/resources-in-the-callers-name",
		"elasticbeanstalk/tags-of-instances",
		"rds/tls-is-required",
		"route53/answers-when-in-sync",
		"s3/odd-keys",
	}
)

// TestS214AnotherEndpointShowsWhereItDiffers runs every belief against moto, as an example of an
// endpoint that is not the sandbox. The run must show what moto gets wrong.
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
	if len(verdicts[Holds])+len(motoDiffers)+len(motoFails) != len(Beliefs()) {
		t.Errorf("there are %d beliefs:\n%s", len(Beliefs()), &out)
	}
	if t.Failed() {
		t.Log("if moto has changed, change the two lists\n" + out.String())
	}
}

// startMoto runs moto's server until the test is over.
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
	t.Fatal("moto does not answer")
	return ""
}

// waitFor pauses between two checks of another process.
func waitFor(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}
