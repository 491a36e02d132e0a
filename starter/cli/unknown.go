package cli

import (
	"context"
	"fmt"
	"slices"

	"perch"
	"perch/config"
)

// checkKnown rejects an unknown branch before anything is requested, because on a terminal it is
// most likely mistyped. It does not check in CI, which also removes environments of branches that
// no longer exist anywhere. A branch is also known by the last run, the leftovers or the record of
// its environment. If the worker does not answer, the branch counts as known.
func (a *app) checkKnown(ctx context.Context, args []string, t target, yes bool) error {
	if yes || len(args) == 0 || a.json() || !a.interactive(t) {
		return nil
	}
	branch := t.environment.Branch
	branches := a.place().branches()
	if slices.Contains(branches, branch) {
		return nil
	}
	page, _, err := a.readStatus(ctx, t.environment)
	status := page.Status
	if err != nil || status.Environment.Status != "" || status.State != "" ||
		status.Run.RunID != "" || len(status.Leftovers) > 0 {
		return nil
	}
	in := perch.HistoryInput{Project: t.environment.Project, Branch: branch}
	if history, err := a.readHistory(ctx, in); err != nil || len(history.Lives) > 0 {
		return nil
	}
	if list, err := a.readList(ctx, t.environment.Project); err == nil { // It is for the suggestion only.
		for _, each := range list.Environments {
			branches = append(branches, each.Branch)
		}
	}
	return usageError(
		"no branch %s is known%s: it has no environment, none of it was removed, and no checkout here knows it; "+
			"nothing was requested, and --yes requests the removal all the same",
		branch, didYouMean(branch, branches))
}

// branches returns the branches in the checkout; none without a checkout.
func (p place) branches() []string {
	if p.checkout == nil {
		return nil
	}
	branches, err := p.checkout.Names()
	if err != nil {
		return nil // They are for suggestions.
	}
	return branches
}

// didYouMean returns a question in parentheses that suggests the most similar branch; empty if none
// is similar.
func didYouMean(branch string, branches []string) string {
	if nearest := config.Nearest(branch, branches); nearest != "" {
		return fmt.Sprintf(" (did you mean %s?)", nearest)
	}
	return ""
}
