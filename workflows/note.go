package workflows

import (
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/lifecycle"
)

// Note receives the notes for an environment while no Provision or Teardown is open. Its workflow
// ID is the stack's name, so that only one run at a time writes the environment's card. If a
// request arrives meanwhile, Note continues as the workflow for that request.
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
	case err != nil: // The run was cancelled: no other run has the notes that it has taken.
		free, _ := workflow.NewDisconnectedContext(ctx)
		_ = workflow.Await(free, r.reports.idle)
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

// takeFirst makes the first waiting request for the environment the target. It returns false if
// there is none.
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
