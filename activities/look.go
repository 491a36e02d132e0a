package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/branch"
	"perch/activities/contract"
	"perch/activities/sourceerr"
	"perch/client"
	"perch/lifecycle"
)

// Looks are the activities that turn a hint about a branch into a request.
type Looks struct {
	policy   *perch.Policy
	branches *branch.Reader
	stacks   *Stacks
}

// LookAtBranch asks the branch source once, and requests what follows: `up` at the branch's head, the removal as cleanup
// requests it, or nothing. It believes nothing of the hint but who sent it.
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
	seen, err := l.see(ctx, in.Environment, temporal.LatestRun)
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
	request := l.request(in, seen, step, activity.GetInfo(ctx).WorkflowExecution.RunID)
	if request.Judged != nil {
		out.Until = request.Judged.Until
	}
	run, err := temporal.Request(ctx, request, 0)
	out.RunID = run.RunID
	return out, err
}

// see reads the stack and the latest run, then the branch: a branch that is pushed meanwhile is seen.
func (l *Looks) see(
	ctx context.Context, e perch.Environment, latest func(context.Context, string) (lifecycle.LatestRun, error),
) (seen lifecycle.Seen, err error) {
	seen.Branch = e.Branch
	stack, exists, err := l.stacks.Describe(ctx, e.StackName())
	if err != nil {
		return seen, err
	}
	if exists {
		found := listed(stack)
		seen.Stack = &found
	}
	if seen.Run, err = latest(ctx, e.StackName()); err != nil {
		return seen, err
	}
	if seen.Head, err = l.branches.HeadBesideDefault(ctx, e.Branch); err != nil {
		return seen, err
	}
	if seen.Head != "" {
		if seen.PullRequests, seen.Unread, err = l.branches.PullRequests(ctx, e.Branch); err != nil {
			return seen, err
		}
	}
	about, err := l.branches.About(ctx)
	if err != nil {
		return seen, sourceerr.Wrap(err, "look for the id of %s", l.policy.Repository)
	}
	seen.RepositoryID, seen.Archived = about.ID, about.Archived
	return seen, nil
}

// request is the same for every retry within one run of Look that sees the same.
func (l *Looks) request(in contract.LookInput, seen lifecycle.Seen, step lifecycle.LookStep, run string) perch.Request {
	request := perch.Request{
		Goal: step.Goal, Project: in.Environment.Project, Branch: in.Environment.Branch,
		By: in.Hint.By, Reason: in.Hint.Reason, Trigger: perch.TriggerWebhook,
	}
	about := seen.Head
	switch step.Goal {
	case perch.GoalUp:
		request.Commit, request.Head = seen.Head, true
	case perch.GoalGone:
		at := in.At.UTC()
		request.Reason = step.Reason
		request.Judged = &perch.Judgement{
			StackID: seen.Stack.ID, Commit: seen.Stack.Commit, Unwanted: step.Unwanted, At: at, Until: at.Add(max(l.policy.Cleanup.Grace, time.Second)),
		}
		about = seen.Stack.ID
	}
	sum := sha256.Sum256([]byte(run + "\x00" + string(step.Goal) + "\x00" + about))
	request.ID = hex.EncodeToString(sum[:16])
	return request
}
