package cli

import (
	"github.com/spf13/cobra"

	"perch"
)

func (a *app) urlCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "url [BRANCH]",
		Short: "Print the URL of a branch's environment, and nothing else",
		Args:  cobra.MaximumNArgs(1),
		RunE:  a.url,
	}
}

func (a *app) url(cmd *cobra.Command, args []string) error {
	t, err := a.branchTarget(args)
	if err != nil {
		return err
	}
	c, err := a.connect(cmd.Context())
	if err != nil {
		return err
	}
	defer c.Close()
	result, err := c.Status(cmd.Context(), t.environment, c.remarks)
	if err != nil {
		return ended(err)
	}
	if result.Environment == nil || result.Environment.URL == "" {
		far, _, err := c.Latest(cmd.Context(), t.environment)
		if err != nil {
			return &exitError{code: exitFailed, err: err}
		}
		return noURL(t.environment.Branch, far.Phase)
	}
	if a.json() {
		return a.printJSON(map[string]string{"url": result.Environment.URL})
	}
	a.say("%s", result.Environment.URL)
	return nil
}

// noURL explains, by the phase of its latest run, why a branch has no URL. phase is empty if no
// run is known.
func noURL(branch string, phase perch.Phase) error {
	if phase == "" || phase.IsLast() {
		return failedError(
			"%s has no URL: `perch up %s` gives it one, `perch status %s` says how far it is", branch, branch, branch,
		)
	}
	return failedError(
		"%s has no URL now: a run is at work on it (phase %s); `perch status %s` says how far it is", branch, phase,
		branch,
	)
}
