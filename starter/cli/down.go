package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"perch"
	"perch/report"
)

func (a *app) downCommand() *cobra.Command {
	var (
		w waiting
		o downOptions
	)
	command := &cobra.Command{
		Use:   "down [BRANCH]",
		Short: "Remove a branch's environment, with its database and buckets",
		Long: `Remove a branch's environment with its database and everything in its buckets, and wait until AWS confirms that all of it is deleted.

Without BRANCH, it takes the CI job's branch, or outside of CI the current branch of the checkout. On a terminal it then asks once. With --project or PERCH_PROJECT no perch.yaml is needed.`,
		Example: `  perch down feature/login           remove it, and wait
  perch down --yes                   remove the current branch's; do not ask
  perch down feature/login --force   keep what cannot be deleted, and name it`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.down(cmd.Context(), args, o, w) },
	}
	w.register(command)
	command.Flags().BoolVar(&o.yes, "yes", false, "do not ask if BRANCH is left out or unknown")
	command.Flags().BoolVar(
		&o.force, "force", false, "leave behind what cannot be deleted, name it and fail",
	)
	return command
}

// downOptions has the flags of down.
type downOptions struct {
	force, yes bool
}

func (a *app) down(ctx context.Context, args []string, o downOptions, w waiting) error {
	r, err := a.askDown(ctx, args, o, w)
	if err != nil {
		r.result.Outcome, r.failure = perch.OutcomeFailed, err.Error()
	}
	if a.json() {
		if printed := a.printJSON(newDownDocument(r)); printed != nil {
			return printed
		}
	}
	if err != nil {
		return err
	}
	a.tellDown(r)
	return silently(r.code())
}

func (a *app) askDown(ctx context.Context, args []string, o downOptions, w waiting) (requestReport, error) {
	none := requestReport{goal: perch.GoalGone}
	if err := w.check(); err != nil {
		return none, err
	}
	if reason := a.place().nothingToDo(args); reason != "" {
		none.result = perch.Result{Outcome: perch.OutcomeSkipped, Reason: reason}
		return none, nil
	}
	t, err := a.branchTarget(args)
	if err != nil {
		return none, err
	}
	t.force = o.force
	none.target = t
	if err := a.confirmDown(ctx, args, t, o.yes); err != nil {
		return none, err
	}
	if err := a.checkKnown(ctx, args, t, o.yes); err != nil {
		return none, err
	}
	r, err := a.ask(ctx, perch.GoalGone, t, w)
	if err != nil {
		return none, err
	}
	return r, nil
}

func newDownDocument(r requestReport) downDocument {
	return downDocument{
		Outcome: r.result.Outcome, Branch: r.target.environment.Branch, Stack: stackOf(r.target.environment),
		Removed: r.result.Removed, Leftovers: append([]string{}, r.result.Leftovers...),
		Unconfirmed: append([]string{}, r.result.Unconfirmed...), Error: r.problem(), Run: r.run,
	}
}

// tellDown prints how a `down` ended, for people.
func (a *app) tellDown(r requestReport) {
	branch, stack := r.target.environment.Branch, stackOf(r.target.environment)
	switch r.result.Outcome {
	case perch.OutcomeGone:
		a.sayText(goneSentence(r))
	case perch.OutcomeAbsent:
		a.sayText(fmt.Sprintf("%s has no environment: there is no stack %s.", branch, stack))
	case perch.OutcomeAccepted:
		a.note("The request to take %s away is kept. %s", branch, r.where())
	case perch.OutcomeSuperseded:
		a.note(
			"The removal of %s is superseded: commit %s was requested after it.", branch,
			perch.ShortCommit(r.result.SupersededBy),
		)
	case perch.OutcomeSkipped:
		a.note("Skipped: %s.", strings.TrimSuffix(r.result.Reason, "."))
	default:
		a.explain(&r, "down")
	}
	if left := strings.Join(r.result.Leftovers, ", "); left != "" && r.result.Outcome == perch.OutcomeGone {
		a.note("Still there, because the template keeps it: %s", left)
	} else if left != "" {
		a.note("Still there: %s", left)
	}
	if listed := strings.Join(r.result.Unconfirmed, ", "); listed != "" {
		a.note("AWS's tagging API still lists %s. It lists deleted resources for hours, and Perch cannot request "+
			"this kind: "+
			"look for yourself. `ls` and cleanup name it if it is still listed in six hours.", listed)
	}
}

func goneSentence(r requestReport) string {
	emptied := ""
	if removed := r.result.Removed; removed.Buckets > 0 {
		emptied = fmt.Sprintf(
			"%s emptied of %s", report.Count(removed.Buckets, "bucket"), report.Count(removed.Objects, "object"),
		)
	}
	took := ""
	if total := r.result.Seconds.Total; total > 0 {
		took = "in " + duration(total)
	}
	return fmt.Sprintf(
		"%s is gone (%s)", r.target.environment.Branch, sentence("stack "+stackOf(r.target.environment), emptied, took),
	)
}
