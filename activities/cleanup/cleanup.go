// Package cleanup compares branches with environments. It decides what cleanup removes, which
// environments are missing, and what a hint about one branch leads to. It only builds the requests;
// its callers send them.
package cleanup

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/branch"
	"perch/activities/card"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/sourceerr"
	"perch/activities/stack"
	"perch/lifecycle"
	"perch/source"
)

const (
	// listingTries is how often a listing of branches is tried before cleanup holds everything. The
	// next run follows soon.
	listingTries = 5
	// longestPause is the longest pause for a rate limit. GitHub's last an hour at most.
	longestPause = 65 * time.Minute
	// verdictBudget is about how many bytes of verdicts a result has. So the result, and the state
	// of the run that keeps it, fit into Temporal's payloads with room to spare.
	verdictBudget = 40_000
)

// Planner compares branches with environments.
type Planner struct {
	policy   *perch.Policy
	branches *branch.Reader
	stacks   *stack.Reader
	cards    *card.Store
	// now returns the time that decides whether an environment has expired and a pin has ended.
	now func() time.Time
}

// NewPlanner returns a Planner. now returns the time that decides whether an environment has
// expired and a pin has ended.
func NewPlanner(
	policy *perch.Policy, branches *branch.Reader, stacks *stack.Reader, cards *card.Store, now func() time.Time,
) *Planner {
	return &Planner{policy, branches, stacks, cards, now}
}

// Plan lists the stacks, then the branches, and judges every environment. If the branches cannot be
// listed even after several tries, Plan returns no error: it holds everything, and Problem says
// why.
func (p *Planner) Plan(ctx context.Context, in perch.CleanupInput) (contract.PlanResult, error) {
	if err := p.stacks.Serves(in.Project); err != nil {
		return contract.PlanResult{}, err
	}
	beats, stop := pulse.Start(ctx, perch.Progress{Status: "LISTING STACKS"})
	defer stop()
	var found []lifecycle.Found
	if err := p.stacks.Each(ctx, func(each types.Stack) { found = append(found, stack.Listed(each)) }); err != nil {
		return contract.PlanResult{}, err
	}
	beats.Set(perch.Progress{Status: "LISTING BRANCHES"})
	listing, err := p.list(ctx)
	if err != nil {
		return contract.PlanResult{}, err
	}
	listing.Now, listing.Cards = p.now(), p.knownCards(ctx)
	plan := p.travelling(lifecycle.PlanCleanup(listing, found, p.policy, in.Approved), in)
	if in.Missing {
		beats.Set(perch.Progress{Status: "READING PERCH.YAML OF BRANCHES"})
		plan.Missing, err = p.Missing(ctx, listing, found, plan.At)
	}
	return plan, err
}

// knownCards reads all cards. It returns no error if they cannot be read; Problem says why, and
// then it is unknown which environments are pinned.
func (p *Planner) knownCards(ctx context.Context) lifecycle.KnownCards {
	listed, err := p.cards.ListAll(ctx)
	if err != nil {
		return lifecycle.KnownCards{Problem: err.Error()}
	}
	return listed.Known()
}

// list reads the branches. It returns an error while trying again may help. After that, it returns
// a listing that says why it cannot be trusted.
func (p *Planner) list(ctx context.Context) (lifecycle.Listing, error) {
	listing, err := p.ListBranches(ctx)
	if err == nil {
		return listing, nil
	}
	var (
		rejected *source.Rejected
		limited  *source.RateLimited
	)
	last := activity.GetInfo(ctx).Attempt >= listingTries
	switch {
	case ctx.Err() != nil:
	case errors.As(err, &limited):
		last = time.Until(limited.Until) > longestPause
	case errors.As(err, &rejected):
		last = true
	}
	if last && ctx.Err() == nil {
		return lifecycle.Listing{Problem: err.Error(), RepositoryID: p.stacks.Owner.Current(ctx).ID}, nil
	}
	return lifecycle.Listing{}, sourceerr.Wrap(err, "list branches of %s", p.policy.Repository)
}

// ListBranches reads the branches and the id of their repository. It reads the id for every plan,
// because another repository may have taken the name since the worker started.
func (p *Planner) ListBranches(ctx context.Context) (listing lifecycle.Listing, err error) {
	if listing.Branches, listing.Complete, err = p.branches.Branches(ctx); err != nil {
		return lifecycle.Listing{}, err
	}
	about, err := p.branches.About(ctx)
	if err != nil {
		return lifecycle.Listing{}, err
	}
	listing.RepositoryID, listing.Archived = about.ID, about.Archived
	if _, hasDefault := listing.Branches[p.policy.DefaultBranch]; !hasDefault {
		listing.DefaultBranch = p.branches.OtherDefault(ctx)
	}
	return listing, nil
}

func (p *Planner) travelling(plan lifecycle.Plan, in perch.CleanupInput) contract.PlanResult {
	now := time.Now().UTC()
	until := now
	if !in.Now {
		until = now.Add(p.policy.Cleanup.Grace)
	}
	verdicts, unlisted := fit(plan.Verdicts, verdictBudget)
	failed := plan.Failed
	if failed == nil {
		failed = []perch.CleanupFailure{}
	}
	return contract.PlanResult{
		Verdicts: verdicts, Unlisted: unlisted, Others: plan.Others, Failed: failed, Brake: plan.Brake,
		Problem: plan.Problem,
		At:      now, Until: until,
	}
}

// fit selects as many verdicts as fit into budget bytes, and keeps their order. It prefers removals
// to other verdicts, and older verdicts to newer ones.
func fit(all []perch.CleanupVerdict, budget int) (listed []perch.CleanupVerdict, unlisted int) {
	taken := make([]bool, len(all))
	for _, removals := range []bool{true, false} {
		for i, v := range all {
			if (v.Verdict == perch.VerdictRemove) != removals {
				continue
			}
			if budget -= weight(v); budget < 0 {
				break
			}
			taken[i] = true
		}
	}
	listed = []perch.CleanupVerdict{}
	for i, v := range all {
		if taken[i] {
			listed = append(listed, v)
		} else {
			unlisted++
		}
	}
	return listed, unlisted
}

// weight returns about how many bytes a verdict has as JSON.
func weight(v perch.CleanupVerdict) int {
	const names = 130
	return names + len(v.Stack) + len(v.Branch) + len(v.Reason) + len(v.StackID) + len(v.Commit)
}

// LastLook reads the stack and the one branch again, the branch last. It believes that the branch
// is deleted only if the same source still has the default branch: a repository that was emptied or
// hidden seems to have lost all its branches.
func (p *Planner) LastLook(ctx context.Context, in contract.LastLookInput) (contract.LastLookResult, error) {
	described, exists, err := p.stacks.Describe(ctx, in.Environment.StackName())
	if err != nil {
		return contract.LastLookResult{}, err
	}
	var found *lifecycle.Found
	if exists {
		f := stack.Listed(described)
		found = &f
	}
	head, err := p.branches.HeadBesideDefault(ctx, in.Environment.Branch)
	if err != nil {
		return contract.LastLookResult{}, err
	}
	seen := lifecycle.LastSeen{Branch: in.Environment.Branch, Stack: found, Alive: head != "", Now: p.now()}
	if !seen.Alive || in.Judged.Unwanted || in.Judged.Expired {
		if seen.Pulls, seen.Unread, err = p.branches.PullRequests(ctx, in.Environment.Branch); err != nil {
			return contract.LastLookResult{}, err
		}
	}
	if seen.Alive && in.Judged.Unwanted {
		seen.Unwanted = lifecycle.Unwanted(head, seen.Pulls, p.policy)
	}
	if !seen.Alive || seen.Unwanted != "" || in.Judged.Expired {
		about, err := p.branches.About(ctx)
		if err != nil {
			return contract.LastLookResult{}, sourceerr.Wrap(err, "look for the id of %s", p.policy.Repository)
		}
		seen.RepositoryID, seen.Archived = about.ID, about.Archived
		if seen.Cards, err = p.cardOf(ctx, in.Environment); err != nil {
			return contract.LastLookResult{}, err
		}
	}
	return contract.LastLookResult{Keep: lifecycle.LastLook(in.Judged, seen, p.policy)}, nil
}
