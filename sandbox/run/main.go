// Package run is the sandbox as a function, so that tests start the very program that people do.
package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
)

const usage = `sandbox runs all of Perch in one process: Temporal with its UI, an AWS endpoint and a worker.
It gives a branch its environment and stays until it is interrupted.

Usage: sandbox [flags]       start it
       sandbox env [flags]   print shell exports that point AWS clients, a starter and a worker at the one that runs

  --repo DIR           a Git checkout with a perch.yaml; its current branch gets the environment (default: a demo repository)
  --branch NAME        the branch to provision instead
  --data DIR           keep the state there, so that it survives a restart (default: a temporary folder)
  --speed N            let AWS's typical times pass N times faster (default 60)
  --temporal-port N    Temporal's gRPC port (default 7233)
  --ui-port N          the Temporal UI's port (default 8233)
  --aws-port N         the AWS endpoint's port (default 4566)
  --web-port N         the port of the environments' pages (default 8080)
  --worker=true|false  run a worker in this process (default true)
  --up=true|false      execute the application template and provision the branch (default true)

Everything listens on 127.0.0.1.
`

// options are the flags.
type options struct {
	repo, branch, data       string
	speed                    float64
	temporal, ui, aws, pages int
	worker, up               bool
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.repo, "repo", "", "")
	flags.StringVar(&o.branch, "branch", "", "")
	flags.StringVar(&o.data, "data", "", "")
	flags.Float64Var(&o.speed, "speed", 60, "")
	flags.IntVar(&o.temporal, "temporal-port", 7233, "")
	flags.IntVar(&o.ui, "ui-port", 8233, "")
	flags.IntVar(&o.aws, "aws-port", 4566, "")
	flags.IntVar(&o.pages, "web-port", 8080, "")
	flags.BoolVar(&o.worker, "worker", true, "")
	flags.BoolVar(&o.up, "up", true, "")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.speed <= 0:
		return o, fmt.Errorf("--speed %v is no speed: give a number above 0", o.speed)
	case o.up && !o.worker:
		o.up = false // Nobody would do the work; a worker that is started by hand is asked by hand.
	}
	return o, nil
}

// Main starts the sandbox, or prints its exports, and returns the exit code: 0 interrupted, 1 failed, 2 wrong usage.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) int {
	act := start
	if len(args) > 0 && args[0] == "env" {
		act, args = printExports, args[1:]
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\n\n%s", err, usage)
		return 2
	}
	if err := act(ctx, o, stdout, stderr, env); err != nil {
		fmt.Fprintf(stderr, "sandbox: %v\n", err)
		return 1
	}
	return 0
}
