package lifecycle

import (
	"maps"
	"slices"

	"perch"
)

// Missing returns the branches that may have an environment by the policy and whose head was never
// requested. Either they have no stack, or Perch was not notified of the last push. The result is
// sorted by name, starting at a position that depends on turn. The caller passes a different turn
// in each run, so that branches which only a person can fix do not delay the others. If problem is
// not empty, it explains why the missing branches are unknown.
func Missing(listing Listing, stacks []Found, policy *perch.Policy, turn int) (branches []string, problem string) {
	if !policy.Allows(perch.TriggerWebhook) {
		return nil, "`triggers` in the policy does not name webhook"
	}
	if problem := untrusted(listing, policy); problem != "" {
		return nil, problem
	}
	taken := map[string]bool{}
	for _, stack := range stacks {
		exists := stack.Status != "DELETE_COMPLETE" && !isBehind(stack, listing, policy)
		taken[stack.Name] = taken[stack.Name] || exists
	}
	for _, branch := range slices.Sorted(maps.Keys(listing.Branches)) {
		environment, err := perch.NewEnvironment(policy.Project, branch)
		mayHave := func(kind perch.Kind) bool { return MayHaveKind(policy, branch, kind) }
		if err == nil && !taken[environment.StackName()] && slices.ContainsFunc(perch.Kinds(), mayHave) {
			branches = append(branches, branch)
		}
	}
	if n := len(branches); n > 0 {
		first := turn % n
		branches = append(branches[first:], branches[:first]...)
	}
	return branches, ""
}

// isBehind reports whether the environment has a commit other than the branch's head, and no run
// has tried to deploy that head. A head that failed is not retried. If the card does not have this
// information, isBehind returns false.
func isBehind(stack Found, listing Listing, policy *perch.Policy) bool {
	environment, kind, ours := perch.Owned(policy.Identity(listing.RepositoryID), stack.Name, stack.Tags)
	if !ours || kind != perch.KindBranch || !Reached(stack.Status) {
		return false
	}
	head, alive := listing.Branches[environment.Branch]
	card, problem, found := listing.Cards.find(environment.Slug)
	if !alive || head == stack.Commit || problem != "" || !found || card.StackID != stack.ID {
		return false
	}
	return card.State.Goal == perch.GoalUp && !card.State.Phase.IsWorking() && card.State.Commit != head
}
