package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"perch"
	"perch/readapi"
	"perch/report"
)

func (a *app) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history [BRANCH]",
		Short: "List removed environments: when, why, by whom",
		Example: `  perch history                   of the project
  perch history feature/login     of one branch`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.history(cmd.Context(), args) },
	}
}

func (a *app) history(ctx context.Context, args []string) error {
	project, err := a.anyProject(a.place())
	if err != nil {
		return err
	}
	in := perch.HistoryInput{Project: project, Branch: strings.Join(args, "")}
	if len(args) > 0 {
		if err := perch.ValidateBranch(in.Branch); err != nil {
			return &exitError{code: exitUsage, err: err}
		}
	}
	document, err := a.readHistory(ctx, in)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(document)
	}
	a.tellHistory(in, document)
	a.noteWarnings(document.Warnings)
	return nil
}

func (a *app) tellHistory(in perch.HistoryInput, document readapi.History) {
	switch {
	case len(document.Lives) > 0:
		_, _ = io.WriteString(a.stdout, historyText(document.Lives))
	case in.Branch != "":
		a.note("No environment of branch %s has been removed, or its record has expired.", in.Branch)
	default:
		a.note("No environment of project %s has been removed, or the records have expired.", in.Project)
	}
}

// Widths of the columns of `history` that are shortened so that a line has at most 80 columns. The
// JSON output is not shortened.
const (
	branchColumn = 20
	whyColumn    = 26
)

// historyText formats the records as a table.
func historyText(lives []perch.Life) string {
	rows := [][]string{{"BRANCH", "REMOVED", "LIVED", "USD", "BY AND WHY"}}
	for _, life := range lives {
		rows = append(rows, []string{
			cut(life.Branch, branchColumn), life.Ended.UTC().Format(time.DateOnly),
			report.Span(max(life.Ended.Sub(life.Created), time.Minute)),
			dollars(life.USD), cut(perch.Printable(sentence(life.By, life.Reason)), whyColumn),
		})
	}
	var out strings.Builder
	paper{}.table(&out, 0, rows, nil)
	return out.String()
}
