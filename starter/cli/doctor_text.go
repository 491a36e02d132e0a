package cli

import (
	"os"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"

	"perch"
)

// tellChecks prints one line for each check. On a terminal, lines are wrapped to its width.
func (a *app) tellChecks(checks []perch.Check) {
	width, color := 0, false
	if file, ok := a.stdout.(*os.File); ok && a.env("TERM") != "dumb" && term.IsTerminal(int(file.Fd())) {
		color = a.env("NO_COLOR") == ""
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			width = min(columns, widest)
		}
	}
	for _, line := range checkLines(checks, width, color) {
		a.say("%s", line)
	}
}

// checkLines formats checks in lines of at most width columns, except for longer words. A width of
// 0 disables wrapping.
func checkLines(checks []perch.Check, width int, color bool) []string {
	const indent = "  "
	var lines []string
	for _, c := range together(checks) {
		text := wrapped(c.Name+": "+c.Detail, width-len(indent))
		lines = append(lines, mark(c, color)+" "+text[0])
		for _, more := range text[1:] {
			lines = append(lines, indent+more)
		}
	}
	return lines
}

// together merges successive checks that were skipped for the same reason.
func together(checks []perch.Check) (joined []perch.Check) {
	for _, c := range checks {
		if last := len(joined) - 1; last >= 0 && !c.Checked && !joined[last].Checked &&
			c.Detail == joined[last].Detail {
			joined[last].Name += ", " + c.Name
			continue
		}
		joined = append(joined, c)
	}
	return joined
}

// mark returns the result of a check as one column.
func mark(c perch.Check, color bool) string {
	sign, style := "✗", lipgloss.NewStyle().Foreground(lipgloss.Red)
	switch {
	case !c.Checked:
		sign, style = "-", lipgloss.NewStyle().Faint(true)
	case c.OK:
		sign, style = "✓", lipgloss.NewStyle().Foreground(lipgloss.Green)
	}
	if !color {
		return sign
	}
	return style.Render(sign)
}
