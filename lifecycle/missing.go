package lifecycle

import (
	"maps"
	"slices"

	"perch"
)

// Missing are the branches whose head was never requested, and that may have an environment by the
// policy: those that have no stack of their name, and those whose push was never reported to Perch.
// They are in the order in which a run looks at them. turn differs in each run, so that each begins
// with other branches, and branches that need a person do not delay the others. problem says why no
// branch is known to be missing one.
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

// isBehind reports whether the environment is at another commit than its branch, and no run has
// tried to deploy the branch's head. A head that failed is not tried again; if the card does not
// say, it is false.
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
