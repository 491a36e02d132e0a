package cli

import (
	"cmp"
	"context"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"perch"
	"perch/report"
)

// planHash matches the hash of a plan.
var planHash = regexp.MustCompile(`^[0-9a-f]{16}$`)

// cleaning has the flags of `cleanup`.
type cleaning struct {
	waiting
	dryRun   bool
	now      bool
	approved string
	// missing also requests environments for branches that have none.
	missing bool
}

func (a *app) cleanupCommand() *cobra.Command {
	var c cleaning
	command := &cobra.Command{
		Use:   "cleanup",
		Short: "Remove the environments whose branch is deleted",
		Long: `Compare the repository's branches with the environments, and remove each environment whose branch is deleted.

A removal first waits for the policy's grace period. A push until then keeps the environment.
If there are more removals than the policy allows, none is requested. ` + "`perch cleanup approve HASH`" + ` carries out such a plan after a person has checked it.`,
		Example: `  perch cleanup --dry-run      what it would remove and why
  perch cleanup                remove it after the grace period
  perch cleanup approve 4f1c   carry out the plan with this hash`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.cleanup(cmd.Context(), c) },
	}
	flags := command.Flags()
	flags.BoolVar(&c.dryRun, "dry-run", false, "print the verdicts and change nothing")
	flags.BoolVar(&c.now, "now", false, "without the grace period")
	flags.BoolVar(
		&c.missing, "missing", false, "also request an environment for each branch that should have one and has none",
	)
	c.registerFor(command)
	command.AddCommand(a.approveCommand())
	return command
}

func (a *app) approveCommand() *cobra.Command {
	var c cleaning
	command := &cobra.Command{
		Use:   "approve HASH",
		Short: "Carry out a plan that was over the policy's limits",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.approved = args[0]
			return a.cleanup(cmd.Context(), c)
		},
	}
	command.Flags().BoolVar(&c.now, "now", false, "without the grace period")
	c.registerFor(command)
	return command
}

// registerFor adds the flags of waiting. The default timeout is shorter than for one environment,
// because a removal in its grace period is not a failure.
func (c *cleaning) registerFor(command *cobra.Command) {
	c.register(command)
	timeout := command.Flags().Lookup("timeout")
	c.timeout, timeout.DefValue = 30*time.Minute, "30m0s"
}

func (c *cleaning) check() error {
	if c.approved != "" && !planHash.MatchString(c.approved) {
		return usageError(
			"%q is not the hash of a plan; `perch cleanup --dry-run` shows it if the safety limit stops the plan",
			c.approved,
		)
	}
	return c.waiting.check()
}

func (a *app) cleanup(ctx context.Context, c cleaning) error {
	s, err := a.runSweep(ctx, c)
	if a.json() {
		document := s.document()
		if err != nil {
			document.Error = err.Error()
		}
		if printed := a.printJSON(document); printed != nil {
			return printed
		}
	}
	if err != nil {
		return err
	}
	a.tellSweep(s)
	return silently(s.code())
}

// runSweep runs Cleanup and waits for the removals that it requested. An error means that the
// result is unknown.
func (a *app) runSweep(ctx context.Context, c cleaning) (*sweep, error) {
	s := &sweep{dryRun: c.dryRun}
	if err := c.check(); err != nil {
		return s, err
	}
	p := a.place()
	project, err := a.anyProject(p)
	if err != nil {
		return s, err
	}
	conn, err := a.connect(ctx)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	waitCtx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	in := perch.CleanupInput{
		Project: project, DryRun: c.dryRun, Now: c.now, Approved: c.approved, Missing: c.missing,
		By: cmp.Or(p.job.By, a.person()),
	}
	if s.result, err = conn.Cleanup(ctx, in, c.timeout, a.newView("cleanup "+project)); err != nil {
		return s, ended(err)
	}
	s.begin()
	if !a.json() {
		a.tellVerdicts(s)
	}
	if c.wait && !c.noWait {
		ticker := time.NewTicker(quietest)
		defer ticker.Stop()
		s.await(waitCtx, conn, a.sayEnd, ticker.C, func(removals int) {
			a.note("Waiting for the removal of %s", report.Count(removals, "environment"))
		})
	}
	return s, nil
}
