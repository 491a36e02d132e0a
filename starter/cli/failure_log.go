package cli

import (
	"context"

	"perch"
	"perch/readapi"
)

// failureLog reads what the environment logged while its last deployment failed; nil without a read
// API, or if that is not known. It is for people, so an error adds nothing.
func (a *app) failureLog(ctx context.Context, e perch.Environment) *perch.LogLines {
	readers, err := a.readers(e.Project)
	if readers == nil || err != nil {
		return nil
	}
	page, err := readers.FreshPage(ctx, e.Branch)
	if err != nil {
		return nil
	}
	return page.Log
}

// failureLogText formats the last lines of the log of a deployment that failed, or names the
// command that reads the log.
func failureLogText(log *perch.LogLines, branch string) (lines []string) {
	if log == nil || len(log.Lines) == 0 && log.Problem == "" {
		return []string{"`perch logs " + branch + "` shows what the environment has logged."}
	}
	if len(log.Lines) > 0 {
		title := "The last log lines"
		if log.Source != "" {
			title += " of " + visible(log.Source)
		}
		lines = append(lines, title+":")
	}
	for _, line := range log.Lines[max(0, len(log.Lines)-perch.FailureLogLines):] {
		lines = append(lines, logLineText(line))
	}
	return append(lines, logRemarks(*log)...)
}

// deploymentFailed reports whether the environment's last deployment failed.
func deploymentFailed(d readapi.Status) bool {
	return d.LastReport != nil && d.LastReport.Goal == perch.GoalUp && d.LastReport.Phase == perch.PhaseFailed
}
