package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch/activities/contract"
	"perch/lifecycle"
)

// await waits until the operation on the stack is over. It stops early, with an empty status, when
// the rules leave the stack to a newer request. A wait that times out fails with one error that
// wraps nothing, because the starter shows the deepest error.
func (r *run) await(summary, token string, total int) (contract.AwaitResult, error) {
	return r.awaitUntil(summary, contract.AwaitInput{Token: token, Total: total})
}

func (r *run) awaitUntil(summary string, in contract.AwaitInput) (contract.AwaitResult, error) {
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	in.StackID, in.Environment = r.state.StackID, &r.environment
	pending := beginActivity(ctx, summary, contract.AwaitStack, in)
	if !r.waitUnless(pending.future, func() bool { return r.next("") == lifecycle.Yield }) {
		return contract.AwaitResult{}, nil
	}
	out, err := pending.result(r.ctx)
	if err == nil {
		r.state.Status = out.Status
		if out.Reason != "" {
			r.trouble = out.Reason
		}
		if r.seen = out.Stack != nil && !in.UntilDeleting; r.seen {
			r.state = *out.Stack
		}
	}
	if temporal.IsTimeoutError(err) {
		err = failed("stack %s did not settle within %.0f hours: look at its events in the CloudFormation console "+
			"for what hangs; `perch down %s` can still remove it",
			r.environment.StackName(), contract.AwaitStack.Limits().Total.Hours(), r.environment.Branch)
	}
	return out, err
}

// waitUnless waits until the future is ready. It reports false as soon as leave returns true, which
// it checks first and after every request.
func (r *run) waitUnless(future workflow.Future, leave func() bool) (ready bool) {
	selector := workflow.NewSelector(r.ctx).
		AddFuture(future, func(workflow.Future) {}).
		AddReceive(r.requests, func(workflow.ReceiveChannel, bool) { r.drain() })
	for !future.IsReady() {
		if leave() {
			return false
		}
		selector.Select(r.ctx)
	}
	return true
}
