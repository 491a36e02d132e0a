// Package run implements the worker as a function, so that the sandbox and the tests start the same
// program as production.
package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"go.temporal.io/sdk/contrib/envconfig"

	"perch"
	"perch/config"
)

// heapGrowth is by how many percent the heap grows between two garbage collections, unless the
// environment sets GOGC. A worker's heap is small: twice Go's default takes a few dozen megabytes
// more, and halves the processor time of collections.
const heapGrowth = 200

const usage = `worker runs Perch's workflows and activities for one project.

Usage: perch-worker --policy FILE [--interval DURATION] [--listen ADDRESS] [--read ADDRESS]
       perch-worker policy init --from-stack NAME
       perch-worker --check ADDRESS
       perch-worker --version

  --policy FILE        what this worker will do at all (default $PERCH_POLICY)
  --interval DURATION  how often waits look at what they wait for (default 5s)
  --listen ADDRESS     answer /healthz, /readyz and /metrics there, such as 127.0.0.1:9090 (default nowhere)
  --read ADDRESS       answer those who only read there, such as 127.0.0.1:9091: perch-web, and perch with PERCH_READ_API;
                       PERCH_READ_TOKEN is the token that they need (default nowhere)
  --check ADDRESS      ask the worker that listens there whether it is ready: exit code 0, or 1 with the reason
  --version            print the version of this program

Temporal is found as every Temporal client finds it (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE, ...),
AWS as every AWS client does (AWS_PROFILE, AWS_REGION, a role, ...). For a GitHub source: GITHUB_TOKEN, or GITHUB_APP_ID,
GITHUB_APP_INSTALLATION_ID and GITHUB_APP_PRIVATE_KEY_FILE.
`

// Main reads flags and environment variables, runs the worker until ctx ends, and returns the exit
// code: 0 stopped, 1 failed, 2 wrong usage or configuration.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) int {
	if len(args) > 0 && args[0] == "policy" {
		return policyMain(ctx, args[1:], stdout, stderr)
	}
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	policyFile := flags.String("policy", env("PERCH_POLICY"), "")
	interval := flags.Duration("interval", 5*time.Second, "")
	listen := flags.String("listen", "", "")
	read := flags.String("read", "", "")
	asked := flags.String("check", "", "")
	version := flags.Bool("version", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stdout, usage)
			return 0
		}
		fmt.Fprintf(stderr, "perch-worker: %v\n\n%s", wrongUsage(err, flags.Args()), usage)
		return 2
	}
	if *version {
		fmt.Fprintf(stdout, "perch-worker %s\n", perch.ThisBuild())
		return 0
	}
	if *asked != "" {
		return exitCode(check(ctx, *asked), stderr)
	}
	if *policyFile == "" {
		fmt.Fprintf(
			stderr,
			"perch-worker: no policy file: give --policy FILE or PERCH_POLICY; `perch-worker policy init` writes "+
				"one, and "+
				"docs/policy.md describes it\n",
		)
		return 2
	}
	readers := ReadConfig{Address: *read, Token: env("PERCH_READ_TOKEN")}
	if err := readers.check(); err != nil {
		fmt.Fprintf(stderr, "perch-worker: %v\n", err)
		return 2
	}
	cfg, err := load(ctx, *policyFile, *interval, stderr, env)
	if err != nil {
		fmt.Fprintf(stderr, "perch-worker: %v\n", err)
		return 2
	}
	cfg.Listen, cfg.Read = *listen, readers
	if env("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	return exitCode(Run(ctx, cfg), stderr)
}

func exitCode(err error, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintf(stderr, "perch-worker: %v\n", err)
		return 1
	}
	return 0
}

func wrongUsage(err error, rest []string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("unexpected argument %q", rest[0])
}

func load(
	ctx context.Context, policyFile string, interval time.Duration, stderr io.Writer, env func(string) string,
) (Config, error) {
	if interval <= 0 {
		return Config{}, fmt.Errorf("--interval is %s: it must be more than nothing, such as 5s", interval)
	}
	data, err := os.ReadFile(policyFile)
	if err != nil {
		return Config{}, fmt.Errorf("read policy: %w", err)
	}
	policy, err := config.ReadPolicy(policyFile, data)
	if err != nil {
		return Config{}, err
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	temporal, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return Config{}, fmt.Errorf("read Temporal settings: %w", err)
	}
	temporal.Logger = TemporalLogger(logger)
	aws, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(policy.Region))
	if err != nil {
		return Config{}, fmt.Errorf("read AWS settings: %w", err)
	}
	versioning, err := deployment(env)
	if err != nil {
		return Config{}, err
	}
	return Config{
		Policy: policy, AWS: aws, Temporal: temporal, Interval: interval, Deployment: versioning, Env: env,
		Logger: logger,
	}, nil
}
