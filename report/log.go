package report

import (
	"fmt"
	"path"
	"strings"

	"perch"
)

// logged returns the last log lines as a section that a reader can expand, or a sentence if there
// are none.
func logged(log *perch.LogLines) string {
	switch {
	case log == nil:
		return ""
	case len(log.Lines) == 0 && log.Problem == "":
		return ""
	case len(log.Lines) == 0:
		return "\nNo log: " + cell(log.Problem) + ".\n"
	}
	lines := log.Lines[max(0, len(log.Lines)-perch.FailureLogLines):]
	title := fmt.Sprintf("The last %d lines of %s", len(lines), log.Source)
	if log.Masked > 0 {
		title += fmt.Sprintf(", secrets masked: %d", log.Masked)
	}
	several, text := severalStreams(lines), strings.Builder{}
	for _, line := range lines {
		fmt.Fprint(&text, line.At.UTC().Format("15:04:05 "))
		if several {
			fmt.Fprint(&text, line.Stream, " ")
		}
		if line.File != "" {
			fmt.Fprint(&text, path.Base(line.File), " ")
		}
		fmt.Fprintln(&text, line.Text)
	}
	section := "\n" + folded(title, fenced(text.String()))
	if log.Problem != "" {
		section += "\nSome lines are missing: " + cell(log.Problem) + ".\n"
	}
	return section
}

// severalStreams reports whether lines come from more than one instance.
func severalStreams(lines []perch.LogLine) bool {
	for _, line := range lines {
		if line.Stream != lines[0].Stream {
			return true
		}
	}
	return false
}
