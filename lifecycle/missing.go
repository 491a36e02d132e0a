package lifecycle

import (
	"maps"
	"slices"

	"perch"
)

// Missing are the branches that have no stack of their name and may have an environment by the policy, in the order in which a run
// looks at them. turn is another number for each run: each begins with other branches, so that those that need a person
// do not keep the others waiting. problem says why no branch is known to be missing one.
func Missing(listing Listing, stacks []Found, policy *perch.Policy, turn int) (branches []string, problem string) {
	if !policy.Allows(perch.TriggerWebhook) {
		return nil, "`triggers` in the policy does not name webhook"
	}
	if problem := untrusted(listing, policy); problem != "" {
		return nil, problem
	}
	taken := map[string]bool{}
	for _, stack := range stacks {
		taken[stack.Name] = taken[stack.Name] || stack.Status != "DELETE_COMPLETE"
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
