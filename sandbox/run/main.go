// Package run implements the command sandbox. It is a separate package, so that tests can start the
// same program as people do.
package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"regexp"

	"perch"
)

const usage = `sandbox runs all of Perch in one process: Temporal with its UI, an AWS endpoint, an imitation of GitHub, a worker
and the dashboard.
It gives a branch its environment and stays until it is interrupted.

Usage: perch-sandbox [flags]       start it
       perch-sandbox env [flags]   print shell exports that point AWS clients, a starter and a worker at the one that runs
       perch-sandbox fault ...     inject faults into its AWS endpoint
       perch-sandbox clock ...     put its clock forward, to see environments expire
       perch-sandbox --version     print the version of this program

  --repo DIR           a Git checkout with a perch.yaml; its current branch gets the environment (default: a demo repository)
  --branch NAME        the branch to provision instead
  --data DIR           keep the state there, so that it survives a restart (default: a temporary folder)
  --speed N            let AWS's typical times pass N times faster (default 60)
  --temporal-port N    Temporal's gRPC port (default 7233)
  --ui-port N          the Temporal UI's port (default 8233)
  --aws-port N         the AWS endpoint's port (default 4566)
  --web-port N         the port of the environments' pages (default 8080)
  --dashboard-port N   the dashboard's port; anyone who opens it may do everything (default 8090)
  --registry-port N    the container registry's port, which stands for every registry (default 4567)
  --registry KIND      stand-in: every image exists; strict: only those of the demo and those that
                       were pushed, to 127.0.0.1:4567/ghcr.io/NAME for ghcr.io/NAME (default stand-in)
  --run skip|strict    skip: a command of a run step that the sandbox does not know is skipped, with a note;
                       strict: it fails (default skip)
  --postgres ADDRESS   host:port of a PostgreSQL for database.mode shared; its user perch is the master (default: none)
  --github-port N      the port of the imitation of GitHub, which has the demo repository (default 4568)
  --webhooks=true|false
                       let a push to the demo repository deploy its branch, and a deletion remove its environment (default true)
  --worker=true|false  run a worker in this process (default true)
  --up=true|false      execute the application templates, schedule cleanup and provision the branch (default true)

Everything listens on 127.0.0.1.
`

// options are the flags.
type options struct {
	repo, branch, data       string
	postgres, images, run    string
	speed                    float64
	temporal, ui, aws, pages int
	registry, github         int
	dashboard                int
	worker, up, version      bool
	// hub means that the repository is on the imitation of GitHub, as the demo's is. webhooks means
	// that the imitation sends webhooks.
	hub, webhooks bool
	// given has the flags that were given, with their dashes.
	given map[string]bool
}

// port returns the port of a part of the sandbox.
func (o options) port(flag, part string, number int) port {
	return port{flag: flag, part: part, number: number, given: o.given[flag]}
}

// endpoint returns the URL of the AWS endpoint of the sandbox that --aws-port names.
func (o options) endpoint() string { return fmt.Sprintf("http://%s:%d", localhost, o.aws) }

// parse reads the flags and returns the words between them. Only `sandbox fault` and `sandbox
// clock` accept words.
func parse(args []string) (options, []string, error) {
	var (
		o     options
		words []string
	)
	flags := flag.NewFlagSet("perch-sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.repo, "repo", "", "")
	flags.StringVar(&o.branch, "branch", "", "")
	flags.StringVar(&o.data, "data", "", "")
	flags.StringVar(&o.postgres, "postgres", "", "")
	flags.Float64Var(&o.speed, "speed", 60, "")
	flags.IntVar(&o.temporal, "temporal-port", 7233, "")
	flags.IntVar(&o.ui, "ui-port", 8233, "")
	flags.IntVar(&o.aws, "aws-port", 4566, "")
	flags.IntVar(&o.pages, "web-port", 8080, "")
	flags.IntVar(&o.dashboard, "dashboard-port", 8090, "")
	flags.IntVar(&o.registry, "registry-port", 4567, "")
	flags.StringVar(&o.images, "registry", standIn, "")
	flags.StringVar(&o.run, "run", skipUnknown, "")
	flags.IntVar(&o.github, "github-port", 4568, "")
	flags.BoolVar(&o.webhooks, "webhooks", true, "")
	flags.BoolVar(&o.worker, "worker", true, "")
	flags.BoolVar(&o.up, "up", true, "")
	flags.BoolVar(&o.version, "version", false, "")
	for rest := args; ; {
		if err := flags.Parse(rest); err != nil {
			return o, words, err
		}
		if flags.NArg() == 0 {
			break
		}
		words, rest = append(words, flags.Arg(0)), flags.Args()[1:]
	}
	o.given = map[string]bool{}
	flags.Visit(func(f *flag.Flag) { o.given["--"+f.Name] = true })
	if _, _, err := net.SplitHostPort(o.postgres); o.postgres != "" && err != nil {
		return o, nil, fmt.Errorf("--postgres %q is not an address: give host:port, such as 127.0.0.1:5432", o.postgres)
	}
	if o.run != skipUnknown && o.run != strictly {
		return o, nil, fmt.Errorf("--run %q is not known: give %s or %s", o.run, skipUnknown, strictly)
	}
	if o.images != standIn && o.images != strictly {
		return o, nil, fmt.Errorf("--registry %q is not a kind of registry: give %s or %s", o.images, standIn, strictly)
	}
	for flag, port := range map[string]int{
		"--temporal-port": o.temporal, "--ui-port": o.ui, "--aws-port": o.aws, "--web-port": o.pages,
		"--registry-port": o.registry,
		"--github-port":   o.github, "--dashboard-port": o.dashboard,
	} {
		if port < 0 || port > 65535 {
			return o, nil, fmt.Errorf(
				"%s %d is not a port number: give one from 1 to 65535, or 0 for any that is free", flag, port,
			)
		}
	}
	if o.speed <= 0 {
		return o, nil, fmt.Errorf("--speed %v is not a speed: give a number above 0", o.speed)
	}
	if !o.worker {
		o.up = false // Without a worker, nothing would answer. A user who starts a worker by hand also runs `perch up`.
	}
	o.hub = o.repo == ""
	return o, words, nil
}

// Commands that print help.
const (
	help      = "perch-sandbox --help"
	faultHelp = "perch-sandbox fault --help"
	clockHelp = "perch-sandbox clock --help"
)

// usageError is wrong usage, with the command that prints the right usage.
type usageError struct {
	error
	help string
}

// usageOf returns the command that prints the usage of the command in words.
func usageOf(words []string) string {
	switch {
	case len(words) > 0 && words[0] == "fault":
		return faultUsage
	case len(words) > 0 && words[0] == "clock":
		return clockUsage
	}
	return usage
}

var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	invalidFlag = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-+([a-z-]+): .*$`)
)

// plainly rewords an error of package flag like the program's other errors.
func plainly(err error) error {
	if unknown := unknownFlag.FindStringSubmatch(err.Error()); unknown != nil {
		return fmt.Errorf("there is no flag --%s", unknown[1])
	}
	if invalid := invalidFlag.FindStringSubmatch(err.Error()); invalid != nil {
		return fmt.Errorf("%s is not a value for --%s", invalid[1], invalid[2])
	}
	return err
}

// Main carries out one command and returns the exit code: 0 done or interrupted, 1 failed, 2 wrong
// usage.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) int {
	o, words, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usageOf(words))
		return 0
	case err != nil:
		err = usageError{plainly(err), help}
	case len(words) > 0 && words[0] == "help":
		fmt.Fprint(stdout, usageOf(words[1:]))
	case o.version || len(words) == 1 && words[0] == "version":
		fmt.Fprintf(stdout, "perch-sandbox %s\n", perch.ThisBuild())
	case len(words) == 0:
		err = start(ctx, o, stdout, stderr, env)
	case words[0] == "env" && len(words) == 1:
		err = printExports(ctx, o, stdout)
	case words[0] == "fault":
		err = orderFault(ctx, words[1:], o, stdout, stderr, env)
	case words[0] == "clock":
		err = setClock(ctx, words[1:], o, stdout, stderr, env)
	default:
		err = usageError{
			fmt.Errorf("%q is not a command: give env, fault, clock, help or version, or flags alone", words[0]), help,
		}
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "perch-sandbox: %v\n", err)
	var wrong usageError
	if errors.As(err, &wrong) {
		fmt.Fprintf(stderr, "See `%s`\n", wrong.help)
		return 2
	}
	return 1
}
