// Package server implements the program perch-web. It has two parts, both of which are optional.
//
// The Receiver receives GitHub's webhooks, verifies them, and sends each to Temporal as a hint
// about a branch. The worker reads the current state from GitHub and decides what to do about the
// hint.
//
// The Dashboard shows people the environments, which it reads from a worker, and carries out their
// actions. It signs people in. It can do nothing that the policy and Temporal would not allow the
// starter to do.
package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"perch"
	"perch/client"
)

const usage = `perch-web receives GitHub's webhooks for one project, and shows its environments to people.

Usage: perch-web --listen ADDRESS --project NAME [--repository-id NUMBER] [--read-api ADDRESS --public-url ADDRESS]
       perch-web --check ADDRESS
       perch-web --version

  --listen ADDRESS        answer the dashboard, POST /webhooks/github, /healthz and /readyz there (default 127.0.0.1:8080)
  --project NAME          the project, as in the policy (default $PERCH_PROJECT)
  --check ADDRESS         ask the perch-web that listens there whether it is ready: exit code 0, or 1 with the reason
  --version               print the version of this program

Webhooks are received if PERCH_WEBHOOK_SECRET is set, the secret that the webhook has on GitHub. PERCH_WEBHOOK_SECRET_PREVIOUS
is accepted too, while the secret is changed.

  --repository-id NUMBER  the repository's id on GitHub (default $PERCH_REPOSITORY_ID);
                          gh api repos/OWNER/NAME --jq .id prints it

The dashboard is served if the read API is given. PERCH_READ_TOKEN is its token.

  --read-api ADDRESS      a worker's read API, such as http://127.0.0.1:9091 (default $PERCH_READ_API)
  --public-url ADDRESS    the address that people open, such as https://perch.example.com (default $PERCH_PUBLIC_URL)
  --proxy-header NAME     people are signed in by a proxy, which names their GitHub login in this header
                          (default $PERCH_PROXY_HEADER)
  --proxy-from ADDRESSES  the addresses or networks, separated by commas, whose header counts (default $PERCH_PROXY_FROM)
  --local-user NAME       everyone who reaches the dashboard may do everything, under this name; only on a loopback address

Without a proxy people sign in with GitHub: PERCH_GITHUB_CLIENT_ID and PERCH_GITHUB_CLIENT_SECRET are those of an OAuth app,
PERCH_GITHUB_URL is the address of a GitHub Enterprise server.

Temporal is found as every Temporal client finds it (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ...).
`

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error in the flags or the configuration.
type usageError struct{ error }

// Main reads flags and environment variables, serves until ctx ends, and returns the exit code: 0
// stopped, 1 failed, 2 wrong usage or configuration.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) int {
	err := run(ctx, args, stdout, stderr, env)
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "perch-web: %v\n", err)
	if errors.As(err, &wrong) {
		return exitUsage
	}
	return exitFailed
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) error {
	flags := flag.NewFlagSet("perch-web", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	listen := flags.String("listen", "127.0.0.1:8080", "")
	project := flags.String("project", env("PERCH_PROJECT"), "")
	repository := flags.String("repository-id", env("PERCH_REPOSITORY_ID"), "")
	asked := flags.String("check", "", "")
	version := flags.Bool("version", false, "")
	var f dashboardFlags
	flags.StringVar(&f.readAPI, "read-api", env("PERCH_READ_API"), "")
	flags.StringVar(&f.publicURL, "public-url", env("PERCH_PUBLIC_URL"), "")
	flags.StringVar(&f.proxyHeader, "proxy-header", env("PERCH_PROXY_HEADER"), "")
	flags.StringVar(&f.proxyFrom, "proxy-from", env("PERCH_PROXY_FROM"), "")
	flags.StringVar(&f.localUser, "local-user", "", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return usageError{fmt.Errorf("%w; run perch-web --help", err)}
	case flags.NArg() > 0:
		return usageError{fmt.Errorf("unexpected argument %q; run perch-web --help", flags.Arg(0))}
	case *version:
		fmt.Fprintf(stdout, "perch-web %s\n", perch.ThisBuild())
		return nil
	case *asked != "":
		return check(ctx, *asked)
	}
	settings, err := configureDashboard(f, *project, *listen, env)
	if err != nil {
		return usageError{err}
	}
	var receiver *Receiver
	if settings == nil || env("PERCH_WEBHOOK_SECRET") != "" {
		if receiver, err = configure(*project, *repository, env); err != nil {
			return usageError{err}
		}
	}
	return runParts(ctx, *listen, receiver, settings, slog.New(slog.NewTextHandler(stderr, nil)), env)
}

// runParts connects the configured parts to Temporal and serves them.
func runParts(
	ctx context.Context, listen string, receiver *Receiver, settings *Settings, logger *slog.Logger,
	env func(string) string,
) error {
	temporal, err := client.Dial(ctx, env)
	var wrong *client.SettingsError
	if errors.As(err, &wrong) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer temporal.Close()
	p := parts{reach: temporal, logger: logger}
	if receiver != nil {
		receiver.Temporal, receiver.Logger = temporal, logger
		p.receiver = receiver
	}
	if settings != nil {
		settings.Temporal, settings.Logger = temporal, logger
		p.dashboard = NewDashboard(*settings)
		if err := p.dashboard.checkPlace(ctx); err != nil {
			return err
		}
	}
	return serve(ctx, listen, p)
}

// configure returns a receiver that is not connected to Temporal yet.
func configure(project, repository string, env func(string) string) (*Receiver, error) {
	if project == "" {
		return nil, errors.New("no project: give --project or PERCH_PROJECT, as `project` in the policy says it")
	}
	if err := perch.ValidateProject(project); err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(repository, 10, 64)
	if err != nil || id <= 0 {
		return nil, errors.New("no id of the repository: give --repository-id or PERCH_REPOSITORY_ID a number; " +
			"`gh api repos/OWNER/NAME --jq .id` prints it")
	}
	secrets, err := secretsFrom(env)
	if err != nil {
		return nil, err
	}
	return &Receiver{Project: project, RepositoryID: id, Secrets: secrets}, nil
}

// leastSecret is the minimum length of a secret in characters. The receiver is public, and a
// shorter secret could be guessed.
const leastSecret = 16

// secretsFrom reads the webhook's current and previous secret.
func secretsFrom(env func(string) string) ([]string, error) {
	secrets := []string{}
	for _, name := range []string{"PERCH_WEBHOOK_SECRET", "PERCH_WEBHOOK_SECRET_PREVIOUS"} {
		secret := env(name)
		switch {
		case secret == "" && len(secrets) == 0:
			return nil,
				fmt.Errorf("%s is not set: give it the secret of the webhook on GitHub; `openssl rand -hex 32` "+
					"makes one", name)
		case secret == "":
			continue
		case len(secret) < leastSecret:
			return nil,
				fmt.Errorf("%s has %d characters, and a public receiver needs %d: `openssl rand -hex 32` makes one",
					name, len(secret), leastSecret)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}
