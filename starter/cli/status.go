package cli

import (
	"cmp"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"perch"
	"perch/readapi"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [BRANCH]",
		Short: "Show a branch's environment, its resources and its latest run",
		Example: `  perch status                   the current branch
  perch status feature/login     another one`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.status(cmd.Context(), args) },
	}
}

func (a *app) status(ctx context.Context, args []string) error {
	t, err := a.branchTarget(args)
	if err != nil {
		return err
	}
	page, link, err := a.readStatus(ctx, t.environment)
	if err != nil {
		return err
	}
	document := page.Status
	if a.json() {
		return a.printJSON(document)
	}
	a.tellStatus(document, link)
	if deploymentFailed(document) {
		a.say("\n%s", strings.Join(failureLogText(page.Log, document.Branch), "\n"))
	}
	a.noteLeftovers(document.Leftovers)
	a.noteWarnings(document.Warnings)
	return nil
}

func (a *app) tellStatus(d readapi.Status, link string) {
	_, _ = io.WriteString(a.stdout, statusText(d, link, a.paper()))
	a.noteOthers(d.OtherRepositories)
}

func statusText(d readapi.Status, link string, p paper) string {
	var out strings.Builder
	said, deploying := "", ""
	if d.LastReport != nil {
		last := *d.LastReport
		if last.Goal == perch.GoalUp && last.Phase.IsWorking() && last.Commit != d.Commit {
			deploying = last.Commit
		}
		if d.Failure != "" {
			last.Sentence = "" // It is shown as the failure.
		}
		said = last.String()
	}
	p.facts(&out, [][2]string{
		{"branch", d.Branch}, {"state", cmp.Or(d.State, "there is no environment")}, {"progress", d.Progress},
		{"failure", d.Failure},
		{"url", d.URL}, {"commit", d.Commit}, {"deploying", deploying},
		{"updated", sentence(d.Updated, age(d.Updated, d.At))},
		{"pull request", openRequests(d.PullRequests)}, {"last report", said},
		{"expires", sentence(d.Expires, left(d.Expires, d.At))}, {"pin", pinned(d.Pin)},
		{"cost so far (estimate)", inDollars(d.USDSoFar)},
		{"kind", string(d.Kind)}, {"stack", d.Stack}, {"stack status", d.Status}, {"phase", string(d.Phase)},
		{"run", cmp.Or(link, d.Run.RunID)},
	})
	for _, failed := range d.Retries {
		out.WriteString("\n" + failed.String() + "\n")
	}
	if len(d.Resources) == 0 {
		return out.String()
	}
	var rows [][]string
	for _, resource := range d.Resources {
		rows = append(rows, []string{resource.LogicalID, resource.Type, resource.Status})
	}
	out.WriteString("\n")
	p.list(&out, []string{"RESOURCE", "TYPE", "STATUS"}, rows)
	return out.String()
}
