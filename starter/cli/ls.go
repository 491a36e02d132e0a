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
	return nil
}

// newListDocument orders the environments by branch.
func newListDocument(result perch.ListResult) listDocument {
	document := listDocument{
		Environments: make([]environmentDocument, 0, len(result.Environments)), Leftovers: append([]perch.Leftover{}, result.Leftovers...),
		OtherRepositories: others(result.OtherRepositories),
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

func listText(document listDocument, p paper) string {
	var rows [][]string
	for _, e := range document.Environments {
		rows = append(rows, []string{e.Branch, string(e.Kind), e.Status, perch.ShortCommit(e.Commit), e.Updated, e.URL})
	}
	var out strings.Builder
	p.list(&out, []string{"BRANCH", "KIND", "STATUS", "COMMIT", "UPDATED", "URL"}, rows)
	return out.String()
}
