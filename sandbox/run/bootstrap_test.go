package run

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"

	"perch/sandbox/aws/services"
)

// cli runs the AWS CLI against the sandbox, as an administrator of the account, and returns what it printed.
func (b *bench) cli(t *testing.T, arguments ...string) string {
	t.Helper()
	out := b.execute(t, map[string]string{"AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"}, append([]string{"aws"}, arguments...)...)
	if out.exit != 0 {
		t.Fatalf("aws %s: exit code %d\n%s%s", strings.Join(arguments, " "), out.exit, out.stdout, out.stderr)
	}
	return strings.TrimSpace(out.stdout)
}

// cloned is a checkout that has the project's repository as its origin.
func (b *bench) cloned(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	repository, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.Main}})
	fatal(t, err)
	remote, err := repository.CreateRemote(&gitconfig.RemoteConfig{Name: "origin", URLs: []string{b.repo.dir}})
	fatal(t, err)
	fatal(t, remote.FetchContext(t.Context(), &git.FetchOptions{}))
	return dir
}

// assumed are the variables of a session with the role.
func (b *bench) assumed(t *testing.T, role string) map[string]string {
	t.Helper()
	var session struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	fatal(t, json.Unmarshal([]byte(b.cli(t, "sts", "assume-role", "--role-arn", role, "--role-session-name", "worker")), &session))
	return map[string]string{"AWS_ACCESS_KEY_ID": session.Credentials.AccessKeyId, "AWS_SECRET_ACCESS_KEY": session.Credentials.SecretAccessKey}
}

// unhealthy are the checks of `starter doctor` that fail, sorted.
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

// TestS150AFirstAccountComesUpFromTheBootstrapTemplate follows docs/first-account.md: the stack of roles and network,
// the policy from its outputs, a worker that has the worker's role, and a first environment.
func TestS150AFirstAccountComesUpFromTheBootstrapTemplate(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is missing")
	}
	b := newSandbox(t, func(o *options) { o.worker = false })
	checkout, file := b.cloned(t), filepath.Join(t.TempDir(), "policy.yaml")
	initPolicy := []string{"worker", "policy", "init", "--from-stack", "perch-bootstrap", "--repo", checkout, "--out", file}
	if out := b.execute(t, nil, initPolicy...); out.exit != 1 || !strings.Contains(out.stderr, "aws cloudformation deploy --template-file deploy/bootstrap.yaml") {
		t.Errorf("without the stack: exit code %d: %s", out.exit, out.stderr)
	}
	b.cli(t, "cloudformation", "deploy", "--template-file", filepath.Join("..", "..", "deploy", "bootstrap.yaml"), "--stack-name", "perch-bootstrap",
		"--capabilities", "CAPABILITY_IAM", "--parameter-overrides", "Project="+b.project, "HostedZoneId="+services.HostedZone)
	if out := b.execute(t, nil, initPolicy...); out.exit != 0 {
		t.Fatalf("worker policy init: exit code %d: %s", out.exit, out.stderr)
	}
	if out := b.execute(t, nil, initPolicy...); out.exit != 2 || !strings.Contains(out.stderr, "exists and was left alone") {
		t.Errorf("with the file: exit code %d: %s", out.exit, out.stderr)
	}
	text, err := os.ReadFile(file)
	fatal(t, err)
	// The sandbox's pages are served by HTTP at a port.
	fatal(t, os.WriteFile(file, fmt.Appendf(text, "url: http://{host}:%s\n", b.pagesPort), 0o600))

	role := b.cli(t, "cloudformation", "describe-stacks", "--stack-name", "perch-bootstrap", "--query", "Stacks[0].Outputs[?OutputKey=='WorkerRole'].OutputValue", "--output", "text")
	variables := b.assumed(t, role)
	variables["PERCH_POLICY"] = file
	b.spawn(t, variables)
	eventually(t, "doctor finds everything but the application stack and the schedule", func() (any, bool) {
		missing := b.unhealthy(t)
		return missing, slices.Equal(missing, []string{"application", "schedule"})
	})
	b.must(t, "application", "up")
	b.must(t, "schedule", "ensure")
	if missing := b.unhealthy(t); len(missing) > 0 {
		t.Errorf("after `application up` and `schedule ensure` doctor says that these are not in order: %q", missing)
	}
	b.repo.commit(t, "first", withDatabase(b.project, 20))
	up := b.must(t, "up", "first")
	equal(t, up, document{"outcome": "ready", "created": true})
	equal(t, b.must(t, "down", "first"), document{"outcome": "gone"})
}
