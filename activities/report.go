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

// Report enters what a run says into the environment's card. What could not be recorded is in the
// result: a report fails no run. Only notes that could not be recorded are an error, because they
// are nowhere else.
func (r *Reports) Report(ctx context.Context, in contract.ReportInput) (contract.ReportResult, error) {
	if err := r.stacks.Serves(in.Environment.Project); err != nil {
		return contract.ReportResult{}, err
	}
	return r.reporter.Report(ctx, in)
}
