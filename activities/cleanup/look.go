package cleanup

import (
	"cmp"
	"context"
	"time"

	"perch"
	"perch/activities/contract"
	"perch/activities/sourceerr"
	"perch/activities/stack"
	"perch/lifecycle"
)

// See reads the stack and the latest run, and the branch last, so that it sees a push that happens
// meanwhile.
func (p *Planner) See(
	ctx context.Context, e perch.Environment, latest func(context.Context, string) (lifecycle.LatestRun, error),
) (seen lifecycle.Seen, err error) {
	seen.Branch = e.Branch
	described, exists, err := p.stacks.Describe(ctx, e.StackName())
	if err != nil {
		return seen, err
	}
	if exists {
		found := stack.Listed(described)
		seen.Stack = &found
	}
	if seen.Run, err = latest(ctx, e.StackName()); err != nil {
		return seen, err
	}
	if seen.Head, err = p.branches.HeadBesideDefault(ctx, e.Branch); err != nil {
		return seen, err
	}
	if seen.Head != "" {
		if seen.PullRequests, seen.Unread, err = p.branches.PullRequests(ctx, e.Branch); err != nil {
			return seen, err
		}
	}
	about, err := p.branches.About(ctx)
	if err != nil {
		return seen, sourceerr.Wrap(err, "look for the id of %s", p.policy.Repository)
	}
	seen.RepositoryID, seen.Archived = about.ID, about.Archived
	return seen, nil
}

// LookNote returns the note that follows from the labels of the branch's pull requests; nil if
// there is none, if they cannot be read, or if the branch has no environment or card. The note is
// identical in every retry within one look.
func (p *Planner) LookNote(
	ctx context.Context, in contract.LookInput, seen lifecycle.Seen, run string,
) (*perch.Note, error) {
	if seen.Stack == nil || seen.Head == "" || seen.Unread != "" || seen.Archived ||
		lifecycle.MayBeKept(*seen.Stack, p.policy, seen.RepositoryID) != nil {
		return nil, nil
	}
	cards, err := p.cardOf(ctx, in.Environment)
	if err != nil {
		return nil, err
	}
	known, found := cards.BySlug[in.Environment.Slug]
	if !found || known.StackID != seen.Stack.ID {
		return nil, nil
	}
	note := lifecycle.LabelNote(known, seen.PullRequests, p.now())
	if note != nil {
		note.ID = perch.StableID(run, seen.Stack.ID, string(note.Kind), in.At.String())
		note.Project, note.Branch, note.By, note.At = p.policy.Project, seen.Branch, cmp.Or(
			in.Hint.By, "webhook",
		), in.At.UTC()
		note.StackID, note.Created = seen.Stack.ID, seen.Stack.Created
	}
	return note, nil
}

// LookRequest returns the request that follows from what See saw. It is identical in every retry
// within one run of Look that sees the same.
func (p *Planner) LookRequest(
	in contract.LookInput,
	seen lifecycle.Seen,
	step lifecycle.LookStep,
	run string,
) perch.Request {
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
			StackID: seen.Stack.ID, Commit: seen.Stack.Commit, Unwanted: step.Unwanted, At: at,
			Until: at.Add(max(p.policy.Cleanup.Grace, time.Second)),
		}
		about = seen.Stack.ID
	}
	request.ID = perch.StableID(run, string(step.Goal), about)
	return request
}
