package pages

import (
	"fmt"
	"path"

	"perch"
	"perch/report"
)

// logView is the view of a log's last lines.
type logView struct {
	Source string
	Lines  []logLineView
	// Masked says how many secrets were masked; empty if none were.
	Masked string
	// Problem explains why lines are missing; empty if none are.
	Problem string
	// Streams means that the lines are from several instances, so each line names its instance.
	Streams bool
}

// logLineView is the view of a line. File is the name of the line's log; empty if all lines are
// from one log.
type logLineView struct{ Clock, Machine, Stream, File, Text string }

// viewLog returns the view of log; nil if log is nil, because no log was read.
func viewLog(log *perch.LogLines) *logView {
	if log == nil {
		return nil
	}
	view := &logView{Source: log.Source, Problem: sentence(log.Problem)}
	if log.Masked > 0 {
		view.Masked = fmt.Sprintf("%s masked", report.Count(log.Masked, "secret"))
	}
	for _, line := range log.Lines {
		view.Streams = view.Streams || line.Stream != log.Lines[0].Stream
		utc, file := line.At.UTC(), ""
		if line.File != "" {
			file = path.Base(line.File)
		}
		view.Lines = append(view.Lines, logLineView{
			utc.Format("15:04:05"), utc.Format("2006-01-02T15:04:05Z"), line.Stream, file, line.Text,
		})
	}
	if len(view.Lines) == 0 && view.Problem == "" {
		view.Problem = "Nothing has been logged yet."
	}
	return view
}
