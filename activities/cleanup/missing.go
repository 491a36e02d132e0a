package cleanup

import (
	"context"
	"errors"
	"time"

	"perch"
	"perch/lifecycle"
)

const (
	// missingReads is the number of branches whose perch.yaml one run of cleanup reads at most.
	missingReads = 100
	// missingTurn is how long the order of branches stays the same, so that a dry run shows what a
	// run soon after it requests.
	missingTurn = time.Hour
)

// Missing returns branches that should have an environment and have none. It returns at most as
// many as cleanup may remove, because each leads to a deployment. If the branch source does not
// answer, it returns no error, because the verdicts on the existing environments are known.
func (p *Planner) Missing(
	ctx context.Context, listing lifecycle.Listing, stacks []lifecycle.Found, at time.Time,
) (*perch.CleanupMissing, error) {
	most := p.policy.Cleanup.MaxRemovals
	turn := int(at.Unix()/int64(missingTurn.Seconds())) * most
	branches, problem := lifecycle.Missing(listing, stacks, p.policy, turn)
	found := &perch.CleanupMissing{Branches: []perch.MissingBranch{}, Problem: problem}
	deployed := map[string]string{}
	for _, stack := range stacks {
		if stack.Status != "DELETE_COMPLETE" {
			deployed[stack.Name] = stack.Commit
		}
	}
	for i, branch := range branches {
		if i == missingReads || len(found.Branches) == most {
			found.Unseen = len(branches) - i
			break
		}
		head := listing.Branches[branch]
		environment, err := perch.NewEnvironment(p.policy.Project, branch)
		if err != nil {
			continue // A branch of this name cannot have an environment.
		}
		wanted, err := p.wanted(ctx, environment, head)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			found.Problem, found.Unseen = err.Error(), len(branches)-i
			break
		}
		if wanted {
			found.Branches = append(found.Branches, perch.MissingBranch{
				Branch: branch, Stack: environment.StackName(), Commit: head,
				Deployed: deployed[environment.StackName()],
			})
		}
	}
	return found, nil
}

// wanted reports whether perch.yaml at the head and the branch's pull requests call for an
// environment that has not expired at that head. The request for the `up` checks everything else.
func (p *Planner) wanted(ctx context.Context, environment perch.Environment, head string) (bool, error) {
	branch := environment.Branch
	last, found, err := p.cards.LastLife(ctx, environment)
	if err != nil || found && last.State.Expired && last.State.RemovedCommit == head {
		return false, err
	}
	file, err := p.branches.ReadConfig(ctx, head)
	var rejection *perch.Rejection
	if errors.As(err, &rejection) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, skip := file.Skip(branch); skip || !lifecycle.MayHaveKind(p.policy, branch, file.Kind(branch)) {
		return false, nil
	}
	pulls, _, err := p.branches.PullRequests(ctx, branch)
	return err == nil && lifecycle.Unwanted(head, pulls, p.policy) == "", err
}
