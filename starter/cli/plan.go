package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"perch"
)

// planDocument is the output of `plan -o json`. A setting's `a` is the value of staging, and its
// `b` that of the branch.
type planDocument struct {
	Outcome      perch.Outcome             `json:"outcome"`
	Branch       string                    `json:"branch"`
	Slug         string                    `json:"slug"`
	Stack        string                    `json:"stack"`
	Kind         perch.Kind                `json:"kind"`
	Commit       string                    `json:"commit"`
	Host         string                    `json:"host"`
	URL          string                    `json:"url"`
	Status       string                    `json:"status"`
	Deployed     string                    `json:"deployed"`
	Protected    bool                      `json:"protected"`
	Step         string                    `json:"step"`
	Changes      []perch.ResourceChange    `json:"changes"`
	Outputs      []string                  `json:"outputs"`
	SharedDB     bool                      `json:"shared_database"`
	Settings     []perch.SettingDifference `json:"settings"`
	Time         perch.TimeEstimate        `json:"time"`
	Cost         perch.CostEstimate        `json:"cost"`
	Warnings     []string                  `json:"warnings"`
	SupersededBy string                    `json:"superseded_by"`
	Error        string                    `json:"error"`
}

func (a *app) planCommand() *cobra.Command {
	var o upOptions
	command := &cobra.Command{
		Use:   "plan [BRANCH]",
		Short: "Show what `up` would change, how long it takes and what it costs",
		Long: `Show what ` + "`perch up`" + ` would do to a branch's environment: the settings that differ from those of kind staging, the resources that would be created, changed, replaced or removed, how long that typically takes, and what the environment costs a day. A worker asks AWS; nothing is changed.

Branch and commit are found as ` + "`perch up`" + ` finds them. Times and costs are estimates.`,
		Example: `  perch plan                   the current branch
  perch plan feature/login     another one
  perch plan --recreate        what would be deleted and created again`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.plan(cmd.Context(), args, o) },
	}
	o.register(command, "commit to plan for, in full or as the checkout can complete it")
	return command
}

func (a *app) plan(ctx context.Context, args []string, o upOptions) error {
	t, result, err := a.askPlan(ctx, args, o)
	if err != nil {
		result = perch.PlanResult{Outcome: perch.OutcomeFailed, Reason: err.Error()}
		if exit := (*exitError)(nil); errors.As(err, &exit) && exit.code == exitTimeout {
			result.Outcome = perch.OutcomeTimeout
		}
	}
	document := newPlanDocument(t, result)
	if a.json() {
		if printed := a.printJSON(document); printed != nil {
			return printed
		}
	}
	if err != nil {
		return err
	}
	a.tellPlan(document, result.Reason)
	return silently(planCode(result.Outcome))
}

func (a *app) askPlan(ctx context.Context, args []string, o upOptions) (target, perch.PlanResult, error) {
	t, err := a.upTarget(ctx, args, o)
	if err != nil {
		return t, perch.PlanResult{}, err
	}
	if skipped, ok := t.skipped(); ok {
		return t, perch.PlanResult{Outcome: perch.OutcomeSkipped, Reason: skipped}, nil
	}
	if t.commit == "" {
		return t, perch.PlanResult{}, a.noCommit(t)
	}
	c, err := a.connect(ctx)
	if err != nil {
		return t, perch.PlanResult{}, err
	}
	defer c.Close()
	request := a.newRequest(perch.GoalUp, t)
	request.Reason = "perch plan"
	result, err := c.Plan(ctx, request, c.remarks)
	return t, result, ended(err)
}

func newPlanDocument(t target, result perch.PlanResult) planDocument {
	e := t.environment
	d := planDocument{
		Outcome: result.Outcome, Branch: e.Branch, Slug: e.Slug, Stack: stackOf(e), Kind: result.Kind, Commit: t.commit,
		Host: result.Host, URL: result.URL,
		Status: result.Status, Deployed: result.Deployed, Protected: result.Protected, Step: result.Step,
		SupersededBy: result.SupersededBy, SharedDB: result.SharedDatabase,
		Warnings: full(
			result.Warnings,
		), Changes: full(result.Changes), Outputs: full(result.Outputs), Settings: full(result.Settings),
		Time: result.Time, Cost: result.Cost,
	}
	for i := range d.Changes {
		d.Changes[i].Properties = full(d.Changes[i].Properties)
		for j := range d.Changes[i].Properties {
			d.Changes[i].Properties[j].Paths = full(d.Changes[i].Properties[j].Paths)
		}
	}
	d.Time.Path, d.Time.Assumed = full(d.Time.Path), full(d.Time.Assumed)
	d.Cost.Items, d.Cost.Missing, d.Cost.LeftOut = full(d.Cost.Items), full(d.Cost.Missing), full(d.Cost.LeftOut)
	switch result.Outcome {
	case perch.OutcomeRejected, perch.OutcomeFailed, perch.OutcomeTimeout:
		d.Error = result.Reason
	}
	return d
}

// full returns list, or an empty list for nil, so that JSON has a list and not null.
func full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func planCode(outcome perch.Outcome) int {
	switch outcome {
	case perch.OutcomeFailed:
		return exitFailed
	case perch.OutcomeRejected:
		return exitRejected
	}
	return exitDone
}

// tellPlan prints a plan for people. It prints what would be done to stdout. If nothing would be
// done, it says so on stderr.
func (a *app) tellPlan(d planDocument, reason string) {
	title := fmt.Sprintf("up %s at %s", d.Branch, perch.ShortCommit(d.Commit))
	switch d.Outcome {
	case perch.OutcomePlanned:
		if !a.json() {
			_, _ = fmt.Fprint(a.stdout, planText(d, a.paper()))
		}
		a.noteWarnings(d.Warnings)
	case perch.OutcomeSkipped:
		a.noteSkipped(reason)
	case perch.OutcomeSuperseded:
		a.note("%s would be superseded by %s: %s.", title, perch.ShortCommit(d.SupersededBy), reason)
	case perch.OutcomeRejected:
		a.note("%s would be rejected: %s", title, reason)
	default:
		a.note("%s would fail: %s", title, reason)
	}
}
