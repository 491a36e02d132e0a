// Package server is perch-web as a function: it receives GitHub's webhooks, verifies them, and
// hands each as a hint about a branch to Temporal. What follows from a hint is decided by the
// worker, which asks GitHub what is true.
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

const usage = `perch-web receives GitHub's webhooks for one project.

Usage: perch-web --listen ADDRESS --project NAME --repository-id NUMBER
       perch-web --check ADDRESS
       perch-web --version

  --listen ADDRESS        answer POST /webhooks/github, /healthz and /readyz there (default 127.0.0.1:8080)
  --project NAME          the project, as in the policy (default $PERCH_PROJECT)
  --repository-id NUMBER  the repository's id on GitHub (default $PERCH_REPOSITORY_ID);
                          gh api repos/OWNER/NAME --jq .id prints it
  --check ADDRESS         ask the perch-web that listens there whether it is ready: exit code 0, or 1 with the reason
  --version               print the version of this program

PERCH_WEBHOOK_SECRET is the secret that the webhook has on GitHub. PERCH_WEBHOOK_SECRET_PREVIOUS is accepted too, while the
secret is changed. Temporal is found as every Temporal client finds it (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ...).
`

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is wrong usage or configuration.
type usageError struct{ error }

// Main reads flags and environment, serves until ctx is over and returns the exit code: 0 stopped,
// 1 failed, 2 wrong usage or configuration.
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
	receiver, err := configure(*project, *repository, env)
	if err != nil {
		return usageError{err}
	}
	temporal, err := client.Dial(ctx, env)
	var settings *client.SettingsError
	if errors.As(err, &settings) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer temporal.Close()
	receiver.Temporal, receiver.Logger = temporal, slog.New(slog.NewTextHandler(stderr, nil))
	return serve(ctx, *listen, receiver)
}

// configure is a receiver with everything but its connection.
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

// leastSecret is how many characters a secret must have: the receiver is public, and a short one
// can be guessed.
const leastSecret = 16

// secretsFrom reads the webhook's secret, and the one before it.
func secretsFrom(env func(string) string) ([]string, error) {
	secrets := []string{}
	for _, name := range []string{"PERCH_WEBHOOK_SECRET", "PERCH_WEBHOOK_SECRET_PREVIOUS"} {
		secret := env(name)
		switch {
		case secret == "" && len(secrets) == 0:
			return nil, fmt.Errorf("%s is not set: give it the secret of the webhook on GitHub; `openssl rand -hex 32` makes one", name)
		case secret == "":
			continue
		case len(secret) < leastSecret:
			return nil, fmt.Errorf("%s has %d characters, and a public receiver needs %d: `openssl rand -hex 32` makes one",
				name, len(secret), leastSecret)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}
