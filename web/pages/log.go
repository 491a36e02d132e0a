package pages

import (
	"fmt"

	"perch"
)

// logView are the last lines of a log.
type logView struct {
	Source string
	Lines  []logLineView
	// Masked says how many secrets were masked; empty if none was.
	Masked string
	// Problem is why there are no lines.
	Problem string
	// Streams says that the lines are from several instances, so that each line names its own.
	Streams bool
}

// logLineView is a line.
type logLineView struct{ Clock, Machine, Stream, Text string }

// viewLog is nil if nothing was asked of a log.
func viewLog(log *perch.LogLines) *logView {
	if log == nil {
		return nil
	}
	view := &logView{Source: log.Source, Problem: sentence(log.Problem)}
	if log.Masked > 0 {
		view.Masked = fmt.Sprintf("%s masked", count(log.Masked, "secret"))
	}
	for _, line := range log.Lines {
		view.Streams = view.Streams || line.Stream != log.Lines[0].Stream
		utc := line.At.UTC()
		view.Lines = append(
			view.Lines, logLineView{utc.Format("15:04:05"), utc.Format("2006-01-02T15:04:05Z"), line.Stream, line.Text},
		)
	}
	if len(view.Lines) == 0 && view.Problem == "" {
		view.Problem = "Nothing has been logged yet."
	}
	return view
}
