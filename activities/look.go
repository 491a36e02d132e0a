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

// Looks has the activity that turns a hint about a branch into a request.
type Looks struct {
	policy  *perch.Policy
	stacks  *Stacks
	planner *cleanup.Planner
}

// LookAtBranch asks the branch source once, and sends the request that follows: an `up` at the
// branch's head, a removal as cleanup requests it, or nothing. If a label pins the environment, or
// has stopped pinning it, LookAtBranch sends that as a note. It trusts nothing in the hint except
// who sent it.
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
	step, run := lifecycle.NextByLook(seen, l.policy), activity.GetInfo(ctx).WorkflowExecution.RunID
	note, err := l.planner.LookNote(ctx, in, seen, run)
	if err == nil && note != nil {
		step.Reason += "; " + lifecycle.NoteWords(*note)
		err = temporal.SendNote(ctx, *note)
	}
	if err != nil {
		return contract.LookResult{}, err
	}
	out := contract.LookResult{Busy: step.Busy, LookResult: perch.LookResult{
		Requested: step.Goal, Reason: step.Reason, Commit: seen.Head,
	}}
	if step.Goal == "" {
		return out, nil
	}
	request := l.planner.LookRequest(in, seen, step, run)
	if request.Judged != nil {
		out.Until = request.Judged.Until
	}
	requested, err := temporal.Request(ctx, request, 0)
	out.RunID = requested.RunID
	return out, err
}
