package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"perch"
	"perch/config"
)

// whoMay explains the arguments of `settings`. Names of branches and revisions contain no colon, so
// every argument is unambiguous.
const whoMay = "name a branch, a kind (production, staging or branch), or a revision of perch.yaml with a colon: " +
	"origin/main: or origin/main:staging; " +
	"refs/heads/NAME is a branch that is called like a kind"

// branchPrefix marks a name as that of a branch, as in Git.
const branchPrefix = "refs/heads/"

func (a *app) settingsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "settings [BRANCH|KIND]",
		Short: "Print the settings of a branch or kind, and what set each",
		Long: `Print every setting of a branch or kind, with the layer and line that set it. Without an argument, it takes the current branch.

The argument is one of these:
  feature/x             the branch, by the folder's perch.yaml, committed or not
  staging               the kind (production, staging, branch)
  refs/heads/staging    the branch, if it has the name of a kind
  origin/main:          the current branch, by the revision's perch.yaml
  origin/main:staging   the kind, or a branch, by the revision's perch.yaml`,
		Args: givenArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.settings(cmd.Context(), strings.Join(args, ""))
		},
	}
	diff := &cobra.Command{
		Use:   "diff A B | diff REVISION",
		Short: "Print only the settings that differ",
		Long: `Print only the settings that differ between A and B. Each is an argument as ` + "`perch settings`" + ` takes it.
A single argument is a revision. Then A is the revision's perch.yaml and B is the folder's, both for the current branch or for the text after the colon.
The exit code is 0, whether there are differences or not.`,
		Example: `  perch settings diff staging branch        two kinds
  perch settings diff staging feature/x     a kind and a branch
  perch settings diff origin/main           what this perch.yaml changes
  perch settings diff origin/main:staging   what it changes for kind staging
  perch settings diff v1: HEAD:             two revisions`,
		Args: givenArgs(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error { return a.settingsDiff(cmd.Context(), args) },
	}
	command.AddCommand(diff)
	return command
}

// givenArgs rejects empty arguments. An empty argument is most likely an unset variable and does
// not mean the current branch.
func givenArgs(count cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if slices.Contains(args, "") {
			return usageError("an argument is empty; %s", whoMay)
		}
		return count(cmd, args)
	}
}

func (a *app) settings(ctx context.Context, what string) error {
	s, err := a.side(ctx, a.place(), what)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(newSettingsDocument(s))
	}
	a.tellSettings(s)
	return nil
}

func (a *app) settingsDiff(ctx context.Context, args []string) error {
	left, right := args[0], args[len(args)-1]
	if len(args) == 1 {
		var err error
		if left, right, err = revisionAlone(args[0]); err != nil {
			return err
		}
	}
	p := a.place()
	before, err := a.side(ctx, p, left)
	if err != nil {
		return err
	}
	after, err := a.side(ctx, p, right)
	if err != nil {
		return err
	}
	differences := config.Differences(before.settings, after.settings)
	if a.json() {
		return a.printJSON(differencesDocument{Differences: differences})
	}
	a.tellDifferences(before, after, differences)
	return nil
}

// revisionAlone turns one argument into two sides: the settings at its revision, and those in the
// folder.
func revisionAlone(what string) (left, right string, err error) {
	revision, who, colon := strings.Cut(what, ":")
	if !colon && perch.Kind(what).Valid() {
		return "", "", usageError("settings diff %s: one argument is a revision, and %s is a kind; write %s: for the "+
			"revision, or name both sides, such as %s %s", what, what, what, what, "feature/x")
	}
	return revision + ":" + who, who, nil
}
