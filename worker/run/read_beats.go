package run

import (
	"context"
	"strings"

	"perch"
	"perch/report"
)

// mostBeats is the maximum number of runs whose progress is read for one overview.
const mostBeats = 20

// readBeats reads the progress of the working runs, by branch. It leaves out what it cannot read,
// because the overview is useful without it.
func (r *reads) readBeats(ctx context.Context, listed perch.ListResult) map[string]perch.Progress {
	beats, asked := map[string]perch.Progress{}, 0
	for _, status := range listed.Environments {
		known := report.Known{StackStatus: status.Status, LastReport: status.LastReport}
		environment, err := perch.NewEnvironment(r.policy.Project, status.Branch)
		idle := known.Progress(listed.At) == "" && !strings.HasSuffix(status.Status, "_IN_PROGRESS")
		if err != nil || idle || asked == mostBeats {
			continue
		}
		asked++
		if far, _, err := r.runs.Latest(ctx, environment); err == nil && far.Beat != nil {
			beats[status.Branch] = *far.Beat
		}
	}
	return beats
}
