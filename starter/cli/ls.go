package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"perch"
)

func (a *app) lsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the project's environments",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.ls(cmd.Context()) },
	}
}

func (a *app) ls(ctx context.Context) error {
	project, err := a.anyProject(a.place())
	if err != nil {
		return err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	result, err := c.List(ctx, project, c.remarks)
	if err != nil {
		return ended(err)
	}
	document := newListDocument(result)
	if a.json() {
		return a.printJSON(document)
	}
	a.tellList(project, document)
	a.noteLeftovers(document.Leftovers)
	a.noteWarnings(document.Warnings)
	return nil
}

// newListDocument orders the environments by branch.
func newListDocument(result perch.ListResult) listDocument {
	document := listDocument{
		Environments: make([]environmentDocument, 0, len(result.Environments)), Leftovers: append([]perch.Leftover{}, result.Leftovers...),
		OtherRepositories: others(result.OtherRepositories), Warnings: append([]string{}, result.Warnings...),
	}
	for _, environment := range result.Environments {
		document.Environments = append(document.Environments, newEnvironmentDocument(environment))
	}
	slices.SortFunc(document.Environments, func(x, y environmentDocument) int { return strings.Compare(x.Branch, y.Branch) })
	return document
}

func (a *app) tellList(project string, document listDocument) {
	defer a.noteOthers(document.OtherRepositories)
	if len(document.Environments) == 0 {
		a.note("Project %s has no environments.", project)
		return
	}
	_, _ = io.WriteString(a.stdout, listText(document, a.paper()))
}

// listText is a table. It has a column for pull requests only if a branch has one.
func listText(document listDocument, p paper) string {
	heads := []string{"BRANCH", "KIND", "STATUS", "COMMIT", "UPDATED", "URL"}
	withRequests := slices.ContainsFunc(document.Environments, func(e environmentDocument) bool { return len(e.PullRequests) > 0 })
	if withRequests {
		heads = append(heads, "PULL REQUEST")
	}
	var rows [][]string
	for _, e := range document.Environments {
		row := []string{e.Branch, string(e.Kind), e.Status, perch.ShortCommit(e.Commit), e.Updated, e.URL}
		if withRequests {
			row = append(row, openRequests(e.PullRequests))
		}
		rows = append(rows, row)
	}
	var out strings.Builder
	p.list(&out, heads, rows)
	return out.String()
}

// openRequests are numbers with titles.
func openRequests(open []perch.PullRequest) string {
	var words []string
	for _, each := range open {
		words = append(words, each.String())
	}
	return strings.Join(words, ", ")
}
