package activities

import (
	"context"

	"perch/activities/contract"
	"perch/activities/reporting"
)

// Reports are the activities that tell people how far an environment is.
type Reports struct {
	stacks   *Stacks
	reporter *reporting.Reporter
}

// Report writes a run's state into the environment's card and delivers it. The result says what
// could not be recorded, so that a report never fails a run. Only notes that could not be recorded
// are an error, because they are nowhere else.
func (r *Reports) Report(ctx context.Context, in contract.ReportInput) (contract.ReportResult, error) {
	if err := r.stacks.Serves(in.Environment.Project); err != nil {
		return contract.ReportResult{}, err
	}
	return r.reporter.Report(ctx, in)
}
