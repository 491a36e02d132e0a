package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"perch"
	"perch/readapi"
)

func (a *app) lsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the project's environments",
		Example: `  perch ls                                        one line for each environment
  perch ls -o json | jq '.environments[].url'     the URLs`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.ls(cmd.Context()) },
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

// openRequests formats pull requests as numbers with titles.
func openRequests(open []perch.PullRequest) string {
	var words []string
	for _, each := range open {
		words = append(words, each.String())
	}
	return strings.Join(words, ", ")
}
