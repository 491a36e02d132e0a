package run

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"perch/sandbox/aws/services"
)

// unhealthy returns the checks of `perch doctor` that fail, sorted.
func (b *bench) unhealthy(t *testing.T) (names []string) {
	t.Helper()
	_, doctor := b.ask(t, "doctor")
	checks, _ := doctor["checks"].([]any)
	for _, each := range checks {
		if check, _ := each.(map[string]any); check["ok"] == false && check["checked"] == true {
			names = append(names, fmt.Sprint(check["name"]))
		}
	}
	slices.Sort(names)
	return names
}

// appVariables lists the app's variables, as Elastic Beanstalk stores them.
const appVariables = "aws elasticbeanstalk describe-configuration-settings " +
	"--application-name shop-application-staging --environment-name shop-first --output text --query " +
	"\"ConfigurationSettings[0].OptionSettings[?Namespace==" +
	"'aws:elasticbeanstalk:application:environment'].[OptionName,Value]\""

// TestS150AFirstAccountComesUpFromTheBootstrapTemplate follows docs/first-account.md: it creates
// the stack of roles and network, writes the policy from the stack's outputs, starts a worker that
// has the worker's role, and provisions a first environment.
func TestS150AFirstAccountComesUpFromTheBootstrapTemplate(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is missing")
	}
	b := newSandbox(t, func(o *options) { o.worker = false })
	files := withDatabase(b.project, 20)
	files["perch.yaml"] = strings.Replace(
		files["perch.yaml"],
		"defaults:\n",
		"defaults:\n  environment: {GREETING: hello}\n",
		1,
	)
	b.repo.commit(t, "first", files)
	v := b.newTour(t)
	clone := "git clone --quiet --branch first " + b.repo.dir + " shop && git -C shop remote set-head origin main"
	if out := v.try(t, "", clone); out.exit != 0 {
		t.Fatalf("git clone: %s", out.stderr)
	}
	const initPolicy = "perch-worker policy init --from-stack perch-bootstrap"
	if out := v.try(t, "shop", initPolicy); out.exit != 1 ||
		!strings.Contains(out.stderr, "aws cloudformation deploy --template-file deploy/bootstrap.yaml") {
		t.Errorf("without the stack: exit code %d: %s", out.exit, out.stderr)
	}
	v.step(t, 0, "perch", "aws cloudformation deploy --template-file deploy/bootstrap.yaml --stack-name "+
		"perch-bootstrap "+
		"--capabilities CAPABILITY_IAM --parameter-overrides Project="+b.project+" HostedZoneId="+services.HostedZone)
	v.step(
		t,
		0,
		"perch",
		"aws cloudformation describe-stacks --stack-name perch-bootstrap --query "+
			"'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output text",
	)
	v.step(t, 0, "shop", initPolicy)
	if out := v.try(
		t, "shop", initPolicy,
	); out.exit != 2 || !strings.Contains(out.stderr, "exists and was not overwritten") {
		t.Errorf("with the file: exit code %d: %s", out.exit, out.stderr)
	}
	v.step(t, 0, "shop", "cat policy.yaml")
	v.step(
		t,
		0,
		"shop",
		"echo 'url: http://{host}:"+b.pagesPort+"' >>policy.yaml # the sandbox serves environments by HTTP at a port",
	)

	v.assumeWorkerRole(t)
	v.startWorker(
		t, "shop", "AWS_PROFILE=perch-worker perch-worker --policy policy.yaml --interval "+testInterval.String(),
	)
	eventually(t, "doctor finds everything but the application stack and the schedule", func() (any, bool) {
		missing := b.unhealthy(t)
		return missing, slices.Equal(missing, []string{"application", "schedule"})
	})
	v.step(t, 1, "shop", "perch doctor")
	v.step(t, 0, "shop", "perch application up")
	v.step(t, 0, "shop", "perch schedule ensure")
	v.step(t, 0, "shop", "perch doctor")
	v.step(t, 0, "shop", "perch up")
	v.step(t, 0, "shop", "perch ls")
	v.step(t, 0, "shop", appVariables)
	b.repo.commit(t, "first", withDatabase(b.project, 20))
	v.step(t, 0, "shop", "git pull --quiet # a commit without `environment: {GREETING: hello}`")
	v.step(t, 0, "shop", "perch up")
	v.step(t, 0, "shop", appVariables)
	v.step(t, 0, "shop", "perch down first")
	v.step(t, 0, "shop", "perch ls")
	v.compare(t)
	if denied := b.aws.Denials(); len(denied) > 0 {
		t.Errorf("calls were denied: %v", denied)
	}
}
