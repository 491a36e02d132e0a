package cli

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"perch"
	"perch/readapi"
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
	document, err := a.readList(ctx, project)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(document)
	}
	a.tellList(project, document)
	a.noteLeftovers(document.Leftovers)
	a.noteWarnings(document.Warnings)
	return nil
}

func (a *app) tellList(project string, document readapi.List) {
	defer a.noteOthers(document.OtherRepositories)
	if len(document.Environments) == 0 {
		a.note("Project %s has no environments.", project)
		return
	}
	_, _ = io.WriteString(a.stdout, listText(document, a.paper()))
}

// listColumns are the columns of `ls`. One that is optional is shown only if a row has a value in
// it.
var listColumns = []struct {
	head     string
	optional bool
	cell     func(e readapi.Environment, at string) string
}{
	{"BRANCH", false, func(e readapi.Environment, _ string) string { return e.Branch }},
	{"KIND", false, func(e readapi.Environment, _ string) string { return string(e.Kind) }},
	{"STATUS", false, func(e readapi.Environment, _ string) string { return e.Status }},
	{"COMMIT", false, func(e readapi.Environment, _ string) string { return perch.ShortCommit(e.Commit) }},
	{"UPDATED", false, func(e readapi.Environment, _ string) string { return e.Updated }},
	{"URL", false, func(e readapi.Environment, _ string) string { return e.URL }},
	{"EXPIRES", true, func(e readapi.Environment, at string) string { return cmp.Or(pinned(e.Pin), left(e.Expires, at)) }},
	{"COST (ESTIMATE)", true, func(e readapi.Environment, _ string) string { return inDollars(e.USDSoFar) }},
	{"PULL REQUEST", true, func(e readapi.Environment, _ string) string { return openRequests(e.PullRequests) }},
}

// listText is a table.
func listText(document readapi.List, p paper) string {
	var heads []string
	rows := make([][]string, len(document.Environments))
	for _, column := range listColumns {
		has := func(e readapi.Environment) bool { return column.cell(e, document.At) != "" }
		if column.optional && !slices.ContainsFunc(document.Environments, has) {
			continue
		}
		heads = append(heads, column.head)
		for i, e := range document.Environments {
			rows[i] = append(rows[i], column.cell(e, document.At))
		}
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
