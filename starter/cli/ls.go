package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

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
	defer c.close()
	result, err := c.list(ctx, project)
	if err != nil {
		return err
	}
	document := newListDocument(result)
	if a.json() {
		return a.printJSON(document)
	}
	a.tellList(project, document)
	return nil
}

// newListDocument orders the environments by branch.
func newListDocument(result perch.ListResult) listDocument {
	document := listDocument{Environments: make([]environmentDocument, 0, len(result.Environments))}
	for _, environment := range result.Environments {
		document.Environments = append(document.Environments, newEnvironmentDocument(environment))
	}
	slices.SortFunc(document.Environments, func(x, y environmentDocument) int { return strings.Compare(x.Branch, y.Branch) })
	return document
}

func (a *app) tellList(project string, document listDocument) {
	if len(document.Environments) == 0 {
		a.note("Project %s has no environments.", project)
		return
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "BRANCH\tKIND\tSTATUS\tCOMMIT\tUPDATED\tURL")
	for _, e := range document.Environments {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Branch, e.Kind, e.Status, short(e.Commit), e.Updated, e.URL)
	}
	_ = table.Flush()
}
