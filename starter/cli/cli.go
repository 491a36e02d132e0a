// Package cli is the starter's commands. A command resolves project, branch and commit, sends a
// request to a worker through Temporal, and reports the answer. It never talks to AWS or to a Git
// host.
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
	// exitDone means done, skipped or superseded: CI stays green.
	exitDone = 0
	// exitFailed means that a run failed, or that Temporal does not answer.
	exitFailed = 1
	// exitUsage means wrong usage or configuration.
	exitUsage = 2
	// exitTimeout means that the wait timed out; the run goes on.
	exitTimeout = 3
	// exitRejected means that the worker's policy does not allow the request.
	exitRejected = 4
)

// argumentCount finds cobra's sentence about too few or too many arguments.
var argumentCount = regexp.MustCompile(`^accepts (.+) arg\(s\), received ([0-9]+)$`)

// ErrStopped is the cause of a context that ends because the whole program ends, which itself
// prints that: an interrupted wait prints nothing.
var ErrStopped = errors.New("the program stops")

func stopped(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrStopped) }

// app is one invocation: its streams, and the flags that every command has.
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
// wrong usage or configuration; 3 gave up waiting; 4 rejected. args are those after the program's
// name. Environment variables are read through env alone, except the names of TEMPORAL_GRPC_META_*;
// results go to stdout, progress and errors to stderr.
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
		Short: "Give a Git branch its own environment on AWS, and take it away again",
		Long: `Give a Git branch its own environment on AWS, and take it away again.

Project, branch and commit come from the arguments, else from the variables of CircleCI or GitHub Actions, else from the Git checkout.
Temporal is found by its own settings: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE.

Exit codes: 0 done, skipped or superseded; 1 failed; 2 wrong usage or configuration; 3 gave up waiting, or no worker answers;
4 rejected by the policy.`,
		Example: `  perch plan                  what up would do to the branch that is checked out
  perch up                    give it its environment, or bring that to the newest commit
  perch ls                    the project's environments
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
	return root
}

// completeBranch offers the branches of the checkout to the shell.
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

// repoDir is the folder in which the checkout is searched.
func (a *app) repoDir() string {
	return cmp.Or(a.repo, a.env("PERCH_REPO"), ".")
}

// exitError ends the program with code; err is nil if everything has been said already.
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

// silently ends the program with code; its output has already said why.
func silently(code int) error {
	if code == exitDone {
		return nil
	}
	return &exitError{code: code}
}

// group makes a command that only has subcommands.
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
