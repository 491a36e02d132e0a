package activities

import (
	"context"

	"perch/activities/contract"
	"perch/activities/reporting"
)

// Reports has the activity that reports to people how far an environment is.
type Reports struct {
	stacks   *Stacks
	reporter *reporting.Reporter
}

// Report writes a run's state into the environment's card and delivers it. A failed report never
// fails a run: the result says what could not be recorded. Only if notes could not be recorded does
// Report return an error, because notes are stored nowhere else.
func (r *Reports) Report(ctx context.Context, in contract.ReportInput) (contract.ReportResult, error) {
	if err := r.stacks.Serves(in.Environment.Project); err != nil {
		return contract.ReportResult{}, err
	}
	return r.reporter.Report(ctx, in)
}
