package workflows

import (
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/lifecycle"
)

// Note takes the notes for an environment without an open Provision or Teardown. Its workflow ID is
// the stack's name, so that only one run at a time writes the environment's card. A request that
// arrives meanwhile is handed to the run that it needs.
func Note(ctx workflow.Context, in perch.RunInput) error {
	if in.Environment == (perch.Environment{}) {
		return temporal.NewNonRetryableApplicationError(
			"the run's input names no environment; nothing was done", perch.ErrorInvalid, nil,
		)
	}
	r := &run{
		ctx: ctx, environment: in.Environment, chain: lifecycle.ResumeChain(in),
		requests: workflow.GetSignalChannel(ctx, perch.SignalRequest), reports: startReporter(ctx, in),
	}
	requested := false
	err := workflow.Await(ctx, func() bool {
		requested = requested || r.takeFirst()
		return requested || r.reports.idle() ||
			r.reports.sending == nil && workflow.GetInfo(ctx).GetContinueAsNewSuggested()
	})
	switch {
	case err != nil:
		return err
	case requested:
		r.drain()
		r.chain.Begin()
		return r.handOn(r.chain.Target, lifecycle.RunEnd{})
	case len(r.reports.problems) > 0:
		return temporal.NewNonRetryableApplicationError(
			strings.Join(r.reports.problems, "; "), perch.ErrorNoteFailed, nil,
		)
	case r.reports.idle():
		return nil
	}
	next := perch.RunInput{Environment: r.environment}
	r.reports.handOn(&next, nil)
	return workflow.NewContinueAsNewError(ctx, perch.WorkflowNote, next)
}

// takeFirst takes the first request of the environment that has arrived as the target. It reports
// false if there is none.
func (r *run) takeFirst() bool {
	for {
		request, waits := r.receive()
		if !waits {
			return false
		}
		if r.chain.Concerns(request) {
			r.chain.Target = request
			return true
		}
	}
}
