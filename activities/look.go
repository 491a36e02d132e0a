package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/cleanup"
	"perch/activities/contract"
	"perch/client"
	"perch/lifecycle"
)

// Looks are the activities that turn a hint about a branch into a request.
type Looks struct {
	policy  *perch.Policy
	stacks  *Stacks
	planner *cleanup.Planner
}

// LookAtBranch asks the branch source once, and requests what follows: `up` at the branch's head,
// the removal as cleanup requests it, or nothing. It believes nothing of the hint but who sent it.
func (l *Looks) LookAtBranch(ctx context.Context, in contract.LookInput) (contract.LookResult, error) {
	if err := l.stacks.Serves(in.Environment.Project); err != nil {
		return contract.LookResult{}, err
	}
	if !l.policy.Allows(perch.TriggerWebhook) {
		return contract.LookResult{LookResult: perch.LookResult{
			Reason: "`triggers` in the policy does not name webhook, so nothing was requested",
		}}, nil
	}
	temporal := client.New(activity.GetClient(ctx))
	seen, err := l.planner.See(ctx, in.Environment, temporal.LatestRun)
	if err != nil {
		return contract.LookResult{}, err
	}
	seen.NoUp = in.Hint.NoUp
	step := lifecycle.NextByLook(seen, l.policy)
	out := contract.LookResult{Busy: step.Busy, LookResult: perch.LookResult{
		Requested: step.Goal, Reason: step.Reason, Commit: seen.Head,
	}}
	if step.Goal == "" {
		return out, nil
	}
	request := l.planner.LookRequest(in, seen, step, activity.GetInfo(ctx).WorkflowExecution.RunID)
	if request.Judged != nil {
		out.Until = request.Judged.Until
	}
	run, err := temporal.Request(ctx, request, 0)
	out.RunID = run.RunID
	return out, err
}
