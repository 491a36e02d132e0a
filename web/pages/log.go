package pages

import (
	"fmt"
	"path"

	"perch"
	"perch/report"
)

// logView are the last lines of a log.
type logView struct {
	Source string
	Lines  []logLineView
	// Masked says how many secrets were masked; empty if none was.
	Masked string
	// Problem is why there are no lines, or not all.
	Problem string
	// Streams says that the lines are from several instances, so that each line names its own.
	Streams bool
}

// logLineView is a line. File is the name of the log that it is of; empty if all are of one.
type logLineView struct{ Clock, Machine, Stream, File, Text string }

// viewLog is nil if nothing was asked of a log.
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
