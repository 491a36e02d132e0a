// Package cli implements the commands of the starter. A command determines project, branch and
// commit, sends a request to a worker through Temporal, and prints the answer. It never calls AWS
// or a Git host.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes of the program.
const (
	// exitDone means done, skipped or superseded. CI jobs succeed.
	exitDone = 0
	// exitFailed means that a run failed, or that Temporal does not respond.
	exitFailed = 1
	// exitUsage means wrong usage or configuration.
	exitUsage = 2
	// exitTimeout means that the wait timed out. The run continues.
	exitTimeout = 3
	// exitRejected means that the worker's policy does not allow the request.
	exitRejected = 4
)

// argumentCount matches cobra's error about too few or too many arguments.
var argumentCount = regexp.MustCompile(`^accepts (.+) arg\(s\), received ([0-9]+)$`)

// ErrStopped is the context's cause if the whole program ends. The program prints a message about
// that, so an interrupted wait prints nothing.
var ErrStopped = errors.New("the program stops")

func stopped(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrStopped) }

// app is one invocation of the program: its streams, and the flags that all commands have.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string

	repo    string
	project string
	output  string
}

// Run carries out one command and returns its exit code: 0 done, skipped or superseded; 1 failed; 2
// wrong usage or configuration; 3 timed out; 4 rejected. args are the arguments after the program's
// name. Run reads environment variables only through env, except for the names of
// TEMPORAL_GRPC_META_*. It writes results to stdout, and progress and errors to stderr.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{code: exitUsage, err: err}
		if counts := argumentCount.FindStringSubmatch(err.Error()); counts != nil {
			err = fmt.Errorf(
				"wrong number of arguments: `%s` takes %s, not %s", command.CommandPath(), counts[1], counts[2],
			)
		}
		err = fmt.Errorf("%w\nSee `%s --help`", err, command.CommandPath())
	}
	if exit.err != nil && !stopped(ctx) {
		_, _ = fmt.Fprintf(stderr, "perch: %v\n", err)
	}
	return exit.code
}

func (a *app) root() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "perch",
		Short: "Give each Git branch its own environment on AWS, and remove it with the branch",
		Long: `Give each Git branch its own environment on AWS, and remove it with the branch.

Project, branch and commit come from the arguments. If they do not name them, they come from the variables of CircleCI or GitHub Actions, and otherwise from the Git checkout.

Temporal's own variables say how to reach it: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_* and TEMPORAL_PROFILE.

Exit codes:
  0  done, skipped or superseded
  1  failed
  2  wrong usage or configuration
  3  the wait timed out, or no worker answers
  4  rejected by the policy`,
		Example: `  perch plan                  show what up would do for the current branch
  perch up                    create or update its environment
  perch ls                    list the project's environments
  perch down feature/login    remove an environment`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.checkOutput() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return a.tellVersion()
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version of this program")
	flags := root.PersistentFlags()
	flags.StringVar(&a.repo, "repo", "", "folder of the Git checkout (PERCH_REPO; default the current folder)")
	flags.StringVar(&a.project, "project", "", "name of the project (PERCH_PROJECT; default what perch.yaml says)")
	flags.StringVarP(&a.output, "output", "o", "text", "text or json")
	root.AddCommand(
		a.upCommand(), a.downCommand(), a.lsCommand(), a.statusCommand(), a.historyCommand(), a.logsCommand(),
		a.urlCommand(), a.planCommand(), a.settingsCommand(), a.renderCommand(), a.applicationCommand(),
		a.extendCommand(), a.pinCommand(), a.unpinCommand(), a.expiryCommand(), a.cleanupCommand(), a.scheduleCommand(),
		a.configCommand(), a.doctorCommand(), a.versionCommand(),
	)
	for _, command := range root.Commands() {
		if strings.Contains(command.Use, "[BRANCH") {
			command.ValidArgsFunction = a.completeBranch
		}
	}
	a.wrapHelp(root)
	return root
}

// completeBranch provides the checkout's branches for shell completion.
func (a *app) completeBranch(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	p := a.place()
	if len(args) > 0 || p.checkout == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := p.checkout.Names() // Without them there is nothing to offer.
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) checkOutput() error {
	if a.output != "text" && a.output != "json" {
		return usageError("--output %q is not known; use text or json", a.output)
	}
	return nil
}

func (a *app) json() bool { return a.output == "json" }

// repoDir returns the folder in which to look for the checkout.
func (a *app) repoDir() string {
	return cmp.Or(a.repo, a.env("PERCH_REPO"), ".")
}

// exitError ends the program with code. err is nil if nothing needs to be printed any more.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

func failedError(format string, args ...any) error {
	return &exitError{code: exitFailed, err: fmt.Errorf(format, args...)}
}

func rejectedError(format string, args ...any) error {
	return &exitError{code: exitRejected, err: fmt.Errorf(format, args...)}
}

// silently returns an error that ends the program with code and prints nothing, because the output
// already explains why.
func silently(code int) error {
	if code == exitDone {
		return nil
	}
	return &exitError{code: code}
}

// group returns a command that has only subcommands.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	var names []string
	for _, child := range children {
		names = append(names, child.Name())
	}
	command := &cobra.Command{
		Use:   use,
		Short: short,
		RunE: func(_ *cobra.Command, args []string) error {
			return usageError("`perch %s` wants one of: %s", use, strings.Join(names, ", "))
		},
	}
	command.AddCommand(children...)
	return command
}
