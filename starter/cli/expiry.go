package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"perch"
)

// expiryTimeout is the time limit of `expiry`, which reads the card of every environment.
const expiryTimeout = 5 * time.Minute

func (a *app) expiryCommand() *cobra.Command {
	var (
		dryRun  bool
		timeout time.Duration
	)
	command := &cobra.Command{
		Use:   "expiry",
		Short: "Warn about environments that expire, and remove expired ones",
		Long: `Find environments that are no longer used, by ` + "`expiry`" + ` in perch.yaml and in the policy.

People are warned before an environment expires. A push, ` + "`perch extend`" + ` or ` + "`perch pin`" + ` keeps it.
An expired environment is removed after the policy's grace period; its branch stays. Each run of cleanup does the same.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.expiry(cmd.Context(), dryRun, timeout) },
	}
	command.Flags().BoolVar(&dryRun, "dry-run", false, "print the verdicts and change nothing")
	command.Flags().DurationVar(&timeout, "timeout", expiryTimeout, "give up the wait after this long")
	return command
}

func (a *app) expiry(ctx context.Context, dryRun bool, timeout time.Duration) error {
	if timeout <= 0 {
		return usageError("--timeout %s is not a wait; give a duration such as 5m", timeout)
	}
	project, err := a.anyProject(a.place())
	if err != nil {
		return err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	result, err := c.Expire(ctx, perch.ExpiryInput{Project: project, DryRun: dryRun}, timeout, c.remarks)
	if err != nil {
		return ended(err)
	}
	if a.json() {
		err = a.printJSON(result)
	} else {
		a.tellExpiry(project, result, dryRun)
	}
	if err == nil && result.Problem != "" {
		err = silently(exitFailed)
	}
	return err
}

// tellExpiry prints the verdicts and their effects, for people.
func (a *app) tellExpiry(project string, result perch.ExpiryResult, dryRun bool) {
	if len(result.Verdicts) == 0 && result.Problem == "" {
		a.note("Project %s has no environments.", project)
		return
	}
	if len(result.Verdicts) > 0 {
		_, _ = io.WriteString(a.stdout, expiryText(result.Verdicts, a.paper()))
		if result.Unlisted > 0 {
			a.note("%d more are kept, and not listed.", result.Unlisted)
		}
		a.say("Expiry: %s.", expirySummary(result, dryRun))
	}
	a.noteExpiryProblem(result)
}

func (a *app) noteExpiryProblem(result perch.ExpiryResult) {
	if result.Problem != "" {
		a.note("Expiry: not everything could be judged or done: %s. The next run tries again.",
			perch.Printable(result.Problem))
	}
}

// noteExpiry prints what a cleanup did about expiry, and which environments are pinned.
func (a *app) noteExpiry(result *perch.ExpiryResult, dryRun bool) {
	if result == nil {
		return
	}
	for _, v := range result.Verdicts {
		if v.Pinned {
			a.note("%s is held: %s.", v.Branch, perch.Printable(v.Reason))
		}
	}
	if warned, removed := countExpiry(*result, dryRun); warned+removed > 0 {
		a.note("Expiry: %s.", expirySummary(*result, dryRun))
	}
	a.noteExpiryProblem(*result)
}
