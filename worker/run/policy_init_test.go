package run

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/go-git/go-git/v5"
	gitconfig "github.com/go-git/go-git/v5/config"

	"perch/sandbox/aws"
)

const otherStack = `{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`

// createStack creates a stack and waits until it is complete.
func createStack(t *testing.T, client *cloudformation.Client, name, template string) {
	t.Helper()
	if _, err := client.CreateStack(
		t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template},
	); err != nil {
		t.Fatal(err)
	}
	for {
		out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
		if err != nil {
			t.Fatal(err)
		}
		if out.Stacks[0].StackStatus == types.StackStatusCreateComplete {
			return
		}
	}
}

func TestPolicyInitSaysWhatIsMissingAndWritesNothing(t *testing.T) {
	server, err := aws.New(aws.Config{Account: "123456789012", Speed: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	defer listener.Close()
	defer server.Close()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": listener.URL, "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_REGION":      "eu-central-1",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	createStack(t, cloudformation.NewFromConfig(endpoint(listener.URL)), "other", otherStack)
	checkout, lonely := t.TempDir(), t.TempDir()
	repository, err := git.PlainInit(checkout, false)
	if err == nil {
		_, err = repository.CreateRemote(
			&gitconfig.RemoteConfig{Name: "origin", URLs: []string{"https://github.com/acme/shop.git"}},
		)
	}
	if err == nil {
		_, err = git.PlainInit(lonely, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	existing := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(existing, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "policy.yaml")
	stack := []string{"policy", "init", "--from-stack", "perch-bootstrap", "--repo", checkout, "--out", out}
	for name, c := range map[string]struct {
		args  []string
		fault *aws.Fault
		code  int
		want  string
	}{
		"no command": {args: []string{"policy"}, code: 2, want: "the one command below `worker policy` is init"},
		"no stack":   {args: []string{"policy", "init"}, code: 2, want: "Give --from-stack NAME"},
		"an unknown flag": {
			args: []string{"policy", "init", "--stack", "x"}, code: 2, want: "flag provided but not defined: -stack",
		},
		"no checkout": {
			args: append(stack[:4:4], "--repo", t.TempDir(), "--out", out), code: 2, want: "name it with --repo",
		},
		"no origin": {
			args: append(stack[:4:4], "--repo", lonely, "--out", out), code: 2, want: "git remote add origin ADDRESS",
		},
		"a file is there": {
			args: append(stack[:6:6], "--out", existing), code: 2, want: "exists and was not overwritten",
		},
		"no such stack": {
			args: stack, code: 1, want: "aws cloudformation deploy --template-file deploy/bootstrap.yaml",
		},
		"another stack": {
			args: append([]string{"policy", "init", "--from-stack", "other"}, stack[4:]...), code: 1,
			want: "has no output Project: name a stack of deploy/bootstrap.yaml",
		},
		"no right to look": {args: stack, fault: &aws.Fault{
			Service: "cloudformation", Code: "AccessDenied", Message: "not allowed", Status: 403,
		}, code: 1, want: "AccessDenied: not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.fault != nil {
				id, err := server.AddFault(*c.fault)
				if err != nil {
					t.Fatal(err)
				}
				defer server.DeleteFault(id)
			}
			code, _, stderr := runMain(t, nil, c.args...)
			if code != c.code || !strings.HasPrefix(stderr, "perch-worker: ") || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d, stderr %q, want %d and %q", code, stderr, c.code, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("a policy is written")
			}
		})
	}
	if text, err := os.ReadFile(existing); err != nil || string(text) != "mine" {
		t.Errorf("the file that existed is %q, %v", text, err)
	}
}
