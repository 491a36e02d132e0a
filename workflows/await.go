package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch/activities/contract"
	"perch/lifecycle"
)

// await waits for the end of the operation on the stack. If the rules leave the stack to a newer
// request, it returns early with an empty status. If the wait times out, the error wraps no other
// error, because the starter shows the deepest one.
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
		if r.seen = out.Stack != nil; r.seen {
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

// waitUnless waits until the future is ready. It calls leave first and after every request, and
// returns false as soon as leave returns true.
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
