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
// the removal as cleanup requests it, or nothing. A label that pins the environment, or no longer
// does, is sent to it as a note. Of the hint it trusts only who sent it.
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
