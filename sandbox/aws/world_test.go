package aws_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"perch/sandbox/aws"
	"perch/sandbox/aws/awstest"
)

// world is an endpoint over HTTP, and SDK clients for it that do not retry.
type world struct {
	t       *testing.T
	server  *aws.Server
	address string
	config  sdk.Config
	stacks  *cloudformation.Client
	storage *s3.Client
}

func newWorld(t *testing.T, config aws.Config) *world {
	t.Helper()
	if config.Speed == 0 {
		config.Speed = 1e7
	}
	server, err := aws.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		_ = server.Close()
	})
	w := &world{t: t, server: server, address: listener.URL}
	w.config = sdk.Config{
		Region: "eu-central-1", BaseEndpoint: &w.address,
		Credentials:      credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		RetryMaxAttempts: 1, HTTPClient: awstest.NewClient(),
	}
	w.stacks = cloudformation.NewFromConfig(w.config)
	w.storage = s3.NewFromConfig(w.config, func(o *s3.Options) { o.UsePathStyle = true })
	return w
}

func (w *world) create(name, body string) string {
	w.t.Helper()
	out, err := w.stacks.CreateStack(
		w.t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.StackId
}

// reach waits until the stack has a status. If it has another stable status, the test fails.
func (w *world) reach(name, status string) {
	w.t.Helper()
	for {
		out, err := w.stacks.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
		if err != nil {
			w.t.Fatal(err)
		}
		switch now := string(out.Stacks[0].StackStatus); {
		case now == status:
			return
		case !strings.HasSuffix(now, "_IN_PROGRESS"):
			w.t.Fatalf("the stack is %s, want %s: %s", now, status, sdk.ToString(out.Stacks[0].StackStatusReason))
		}
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var failure smithy.APIError
	if !errors.As(err, &failure) || failure.ErrorCode() != code {
		t.Errorf("error = %v, want %s", err, code)
	}
}

// cli runs the AWS CLI against the endpoint.
func (w *world) cli(arguments ...string) (string, error) {
	w.t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		w.t.Skip("the AWS CLI is missing")
	}
	command := exec.CommandContext(w.t.Context(), path, arguments...)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.t.TempDir(), "AWS_ENDPOINT_URL=" + w.address,
		"AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1",
		"AWS_ACCESS_KEY_ID=AKIACLI", "AWS_SECRET_ACCESS_KEY=secret", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_MAX_ATTEMPTS=1",
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

func (w *world) mustCLI(arguments ...string) string {
	w.t.Helper()
	out, err := w.cli(arguments...)
	if err != nil {
		w.t.Fatalf("aws %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
