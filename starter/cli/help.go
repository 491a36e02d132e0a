package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is the width of help where stdout is not a terminal.
const helpWidth = 80

// wrapHelp has the help of root and its subcommands wrapped to the terminal, at most 100 columns.
// Lines that begin with two spaces, such as examples and tables, are printed as they are.
func (a *app) wrapHelp(root *cobra.Command) {
	width := helpWidth
	if columns := a.paper().width; columns > 0 {
		width = min(columns, widest)
	}
	root.SetUsageTemplate(strings.ReplaceAll(
		root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", width),
	))
	root.SetHelpFunc(func(command *cobra.Command, _ []string) {
		text := command.Long
		if text == "" {
			text = command.Short + "."
		}
		a.say("%s\n\n%s", wrapParagraphs(text, width), strings.TrimRight(command.UsageString(), "\n"))
	})
}

func wrapParagraphs(text string, width int) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); !strings.HasPrefix(line, "  ") {
			lines = append(lines, wrapped(line, width)...)
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
