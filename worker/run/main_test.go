package run

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-git/go-git/v5"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"perch"
	"perch/sandbox/aws"
	"perch/sandbox/aws/awstest"
)

const goodPolicy = `account: "123456789012"
region: eu-central-1
project: shop
repository: github.com/acme/shop
source: {git: .}
default_branch: main
network: {vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3d, subnet-0e5f6071]}
`

func runMain(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	code = Main(t.Context(), args, &out, &problems, func(name string) string { return env[name] })
	return code, out.String(), problems.String()
}

func writePolicy(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestHelpIsNotAFailure(t *testing.T) {
	code, stdout, stderr := runMain(t, nil, "--help")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "--policy FILE") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

func TestVersionIsThatOfTheBuild(t *testing.T) {
	code, stdout, stderr := runMain(t, nil, "--version")
	if want := "perch-worker " + perch.ThisBuild().String() + "\n"; code != 0 || stderr != "" || stdout != want {
		t.Errorf("exit %d, %q, %q; want %q", code, stdout, stderr, want)
	}
}

func TestWrongUsageAndConfigurationExitWith2AndASentence(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"unknown flag": {
			args: []string{"--polcy", "x"}, want: "flag provided but not defined: -polcy\n\n" + usage,
		},
		"argument":         {args: []string{"serve"}, want: "unexpected argument \"serve\"\n\n" + usage},
		"no policy":        {want: "give --policy FILE or PERCH_POLICY"},
		"policy not there": {args: []string{"--policy", "/no/such/file"}, want: "read policy: open /no/such/file"},
		"policy by variable": {
			env: map[string]string{"PERCH_POLICY": "/no/such/file"}, want: "read policy: open /no/such/file",
		},
		"S72 unknown key": {
			args: []string{"--policy", writePolicy(t, goodPolicy+"protectd: [x]\n")}, want: "protectd",
		},
		"S72 wrong account": {
			args: []string{"--policy", writePolicy(t, strings.Replace(goodPolicy, `"123456789012"`, `"12"`, 1))},
			want: "account",
		},
		"no time between two": {
			args: []string{"--policy", writePolicy(t, goodPolicy), "--interval", "0s"},
			want: "--interval is 0s: it must be more than nothing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runMain(t, c.env, c.args...)
			if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "perch-worker: ") ||
				!strings.Contains(stderr, c.want) {
				t.Errorf("exit %d, stdout %q, stderr %q, want %q", code, stdout, stderr, c.want)
			}
		})
	}
}

// accountOnAWS is an AWS endpoint whose credentials are of the account.
func accountOnAWS(t *testing.T, account string) (*aws.Server, *httptest.Server) {
	t.Helper()
	server, err := aws.New(aws.Config{Account: account})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		_ = server.Close()
	})
	return server, listener
}

func TestAnotherAccountThanThePolicysIsRejectedBeforeAnythingIsDone(t *testing.T) {
	server, listener := accountOnAWS(t, "999999999999")
	cfg := Config{
		Policy: &perch.Policy{Account: "123456789012", Project: "shop", Source: perch.Source{Git: t.TempDir()}},
		AWS:    endpoint(listener.URL),
	}
	err := Run(t.Context(), cfg)
	if want := "the AWS credentials are for account 999999999999 and the policy is for 123456789012: nothing was " +
		"done"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want %q", err, want)
	}
	if _, err := server.AddFault(aws.Fault{
		Service: "sts", Status: 403, Code: "ExpiredToken",
		Message: "The security token included in the request is expired",
	}); err != nil {
		t.Fatal(err)
	}
	err = Run(t.Context(), cfg)
	if want := "ask AWS who this worker is: ExpiredToken: The security token included in the request is expired; " +
		"check the AWS credentials"; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := Run(stopped, cfg); err != nil {
		t.Errorf("a worker that is stopped while it starts reports %v", err)
	}
	for _, call := range server.Calls() {
		if call.Action != "GetCallerIdentity" {
			t.Errorf("called %s %s", call.Service, call.Action)
		}
	}
}

func TestWithoutAWSTheWorkerSaysInOneSentenceWhatToSet(t *testing.T) {
	const set = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run the worker where it has a " +
		"role\n"
	none := filepath.Join(t.TempDir(), "none")
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"no credentials": {nil, "perch-worker: this worker has no AWS credentials: " + set},
		"a role's credentials cannot be had": {
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"},
			`perch-worker: get this worker's AWS credentials: Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: ` +
				`connect: connection refused; fix that, or ` + set,
		},
		"no endpoint": {map[string]string{
			"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret",
			"AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		},
			`perch-worker: no AWS endpoint answers: Post "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: ` +
				`connection refused; look at the network and the proxy, and at AWS_ENDPOINT_URL where it is set` +
				"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range os.Environ() {
				if name, _, _ := strings.Cut(
					variable, "=",
				); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "TEMPORAL_") {
					t.Setenv(name, "")
				}
			}
			t.Setenv("AWS_CONFIG_FILE", none)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			t.Setenv("TEMPORAL_CONFIG_FILE", none)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			code, stdout, stderr := runMain(t, nil, "--policy", writePolicy(t, goodPolicy))
			if code != 1 || stdout != "" || stderr != c.want {
				t.Errorf("exit %d, stdout %q, stderr %q, want %q", code, stdout, stderr, c.want)
			}
		})
	}
}

func TestTheHeapGrowsByTwiceTheDefaultUnlessGOGCIsSet(t *testing.T) {
	const usual = 100
	for gogc, want := range map[string]int{"": 200, "100": usual} {
		t.Run("GOGC="+gogc, func(t *testing.T) {
			before := debug.SetGCPercent(usual)
			t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			if code, _, stderr := runMain(
				t, map[string]string{"GOGC": gogc}, "--policy", writePolicy(t, goodPolicy),
			); code != 1 {
				t.Errorf("exit %d, %s", code, stderr)
			}
			if got := debug.SetGCPercent(before); got != want {
				t.Errorf("the heap grows by %d %%, want %d", got, want)
			}
		})
	}
}

// runWith runs a worker with an account on AWS and a checkout, and with Temporal at address.
func runWith(t *testing.T, address string) error {
	t.Helper()
	_, listener := accountOnAWS(t, "123456789012")
	checkout := t.TempDir()
	if _, err := git.PlainInit(checkout, false); err != nil {
		t.Fatal(err)
	}
	return Run(t.Context(), Config{
		Policy: &perch.Policy{Account: "123456789012", Project: "shop", Source: perch.Source{Git: checkout}},
		AWS:    endpoint(listener.URL),
		Temporal: client.Options{
			HostPort: address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		},
	})
}

func TestWithoutTemporalTheWorkerSaysWhereItLooked(t *testing.T) {
	err := runWith(t, "127.0.0.1:1") // No service has this port.
	if want := "no Temporal answers at 127.0.0.1:1 (connection refused): start it there, or set TEMPORAL_ADDRESS to " +
		"where it is"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// compression has the name of the first call's compression, which is empty without one.
type compression struct{ first chan string }

func (c *compression) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (c *compression) HandleRPC(_ context.Context, event stats.RPCStats) {
	if header, ok := event.(*stats.InHeader); ok {
		select {
		case c.first <- header.Compression:
		default:
		}
	}
}

func (c *compression) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (c *compression) HandleConn(context.Context, stats.ConnStats) {}

// TestTheWorkerDoesNotCompressItsCallsToTemporal uses a server without services. It rejects each
// call, and so ends the worker.
func TestTheWorkerDoesNotCompressItsCallsToTemporal(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	used := &compression{first: make(chan string, 1)}
	server := grpc.NewServer(grpc.StatsHandler(used))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	err = runWith(t, listener.Addr().String())
	select {
	case name := <-used.first:
		if name != "" {
			t.Errorf("compressed with %s", name)
		}
	default:
		t.Errorf("the worker has not called: %v", err)
	}
}

func endpoint(url string) sdk.Config {
	return sdk.Config{
		Region: "eu-central-1", BaseEndpoint: &url,
		Credentials:      credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		RetryMaxAttempts: 1, HTTPClient: awstest.NewClient(),
	}
}

func TestTemporalIsNamedByItsDefaultsWhereNothingIsSet(t *testing.T) {
	if address(client.Options{}) != client.DefaultHostPort || namespace(client.Options{}) != client.DefaultNamespace {
		t.Error("the defaults are not Temporal's")
	}
	if address(client.Options{HostPort: "a:1"}) != "a:1" || namespace(client.Options{Namespace: "n"}) != "n" {
		t.Error("what is set is not taken")
	}
}
