package lifecycle

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"perch"
)

// Listing is the list of a repository's branches from the branch source.
type Listing struct {
	// Branches maps each branch to its head.
	Branches map[string]string
	// Complete means that a branch which is not in Branches does not exist. If Complete is false,
	// Problem explains why.
	Complete bool
	Problem  string
	// Archived means that the repository is archived.
	Archived bool
	// RepositoryID is the repository's id; empty if the source has none or did not provide it.
	RepositoryID string
	// DefaultBranch is the source's default branch. It is only set if the source does not list the
	// policy's default branch, and empty if the source does not provide it.
	DefaultBranch string
	// Cards are the cards of the environments. Now is the time at which the environments are
	// judged.
	Cards KnownCards
	Now   time.Time
}

// Found is a stack in CloudFormation's list, managed by Perch or not.
type Found struct {
	ID   string
	Name string
	Tags map[string]string
	// Status is CloudFormation's StackStatus, and StatusReason its StackStatusReason.
	Status       string
	StatusReason string
	// Protected means that termination protection is on.
	Protected bool
	// Commit is the commit in the stack's outputs; empty if they have none.
	Commit  string
	Created time.Time
	// Changed is when the stack was created or last updated; zero if that is not known.
	Changed time.Time
}

// Plan lists what cleanup has to do.
type Plan struct {
	// Verdicts has a decision on each environment, oldest first. Stacks that Perch does not manage
	// have none.
	Verdicts []perch.CleanupVerdict
	// Removals are the Verdicts that request a removal.
	Removals []perch.CleanupVerdict
	// Failed are the environments whose removal has failed.
	Failed []perch.CleanupFailure
	// Others are the project's stacks whose repository does not match. They have no verdict.
	Others []perch.OtherRepository
	// Problem explains why the list of branches is unreliable. If it is set, nothing is removed.
	Problem string
	// Brake describes the safety limit that holds the plan, because the plan has more removals than
	// the policy allows without approval; nil if it holds no plan.
	Brake *perch.CleanupBrake
	// Hash identifies the removals by their stacks and the commits in them.
	Hash string
}

// PlanCleanup compares the repository's branches with the stacks. No other function decides what
// cleanup removes.
//
// The caller must list the stacks before the branches, so that the list includes a branch that is
// pushed meanwhile. approved is the hash of the plan that a person approved, or empty. If it is
// set, no other plan is carried out.
func PlanCleanup(listing Listing, stacks []Found, policy *perch.Policy, approved string) Plan {
	identity := policy.Identity(listing.RepositoryID)
	plan := Plan{
		Problem: untrusted(listing, policy), Verdicts: make([]perch.CleanupVerdict, 0, len(stacks)),
		Others: others(identity, stacks),
	}
	for _, stack := range stacks {
		environment, kind, ours := perch.Owned(identity, stack.Name, stack.Tags)
		if !ours || stack.Status == "DELETE_COMPLETE" {
			continue
		}
		_, alive := listing.Branches[environment.Branch]
		verdict, reason := judge(
			subject{environment.Branch, kind, stack, alive}, policy,
			cmp.Or(plan.Problem, listing.Cards.Keeps(environment.Slug, listing.Now)),
		)
		plan.Verdicts = append(plan.Verdicts, perch.CleanupVerdict{
			Stack: stack.Name, Branch: environment.Branch, Verdict: verdict, Reason: reason, StackID: stack.ID,
			Commit: stack.Commit, Created: stack.Created,
		})
		if stack.Status == "DELETE_FAILED" {
			plan.Failed = append(plan.Failed, perch.CleanupFailure{
				Stack: stack.Name, Error: strings.TrimSuffix("its deletion failed: "+stack.StatusReason, ": "),
			})
		}
	}
	slices.SortFunc(plan.Verdicts, func(a, b perch.CleanupVerdict) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.StackID, b.StackID))
	})
	slices.SortFunc(plan.Failed, func(a, b perch.CleanupFailure) int { return cmp.Compare(a.Stack, b.Stack) })
	for _, v := range plan.Verdicts {
		if v.Verdict == perch.VerdictRemove {
			plan.Removals = append(plan.Removals, v)
		}
	}
	plan.Hash = HashRemovals(plan.Removals)
	plan.Brake = checkSafetyLimit(plan, policy.Cleanup, approved)
	return plan
}

func others(identity perch.Identity, stacks []Found) []perch.OtherRepository {
	return perch.InOtherRepositories(identity, func(yield func(string, map[string]string) bool) {
		for _, stack := range stacks {
			if stack.Status != "DELETE_COMPLETE" && !yield(stack.Name, stack.Tags) {
				return
			}
		}
	})
}

// untrusted explains why a branch may exist although the list does not have it; empty if the list
// is reliable.
func untrusted(listing Listing, policy *perch.Policy) string {
	_, hasDefault := listing.Branches[policy.DefaultBranch]
	switch {
	case listing.Archived:
		return Archived
	case !listing.Complete && listing.Problem != "":
		return "the listing of branches is not complete: " + listing.Problem
	case !listing.Complete:
		return "the listing of branches is not complete"
	case len(listing.Branches) == 0:
		return "the listing of branches is empty"
	case !hasDefault:
		return "the listing of branches lacks the default branch " +
			NoDefaultBranch(policy.DefaultBranch, listing.DefaultBranch)
	}
	return ""
}

// NoDefaultBranch returns the end of an error message about a source that does not list the
// policy's default branch. source is the branch that the source calls its default; empty if it
// names none.
func NoDefaultBranch(policy, source string) string {
	if source == "" || source == policy {
		return policy + ": it is another repository's, or its reader does not see everything"
	}
	return fmt.Sprintf(
		"%s, and the repository's default branch is %s: if it was renamed, correct `default_branch` in the policy",
		policy, source,
	)
}

// subject is an environment to judge.
type subject struct {
	branch string
	kind   perch.Kind
	stack  Found
	// alive means that the branch exists.
	alive bool
}

func judge(s subject, policy *perch.Policy, problem string) (perch.Verdict, string) {
	if s.alive {
		return perch.VerdictKeep, "the branch exists"
	}
	if reason := protection(s, policy); reason != "" {
		return perch.VerdictKeep, reason
	}
	if problem != "" {
		return perch.VerdictHold, problem
	}
	return perch.VerdictRemove, "branch missing"
}

// protection explains what protects an environment from cleanup regardless of its branch; empty if
// nothing does.
func protection(s subject, policy *perch.Policy) string {
	if s.branch == policy.DefaultBranch {
		return "protected: it is the default branch"
	}
	if pattern, ok := perch.MatchAny(policy.Protected, s.branch); ok {
		return fmt.Sprintf("protected: the policy's pattern %s", pattern)
	}
	if s.kind != perch.KindBranch {
		return "protected: its kind is " + string(s.kind)
	}
	if value, protected := perch.ProtectedByTag(s.stack.Tags); protected {
		return fmt.Sprintf("protected: the tag %s=%s", perch.TagProtect, value)
	}
	if s.stack.Protected {
		return "protected: termination protection"
	}
	return ""
}

// HashRemovals returns 16 characters that identify a set of removals. The order does not matter.
func HashRemovals(removals []perch.CleanupVerdict) string {
	lines := make([]string, 0, len(removals))
	for _, v := range removals {
		lines = append(lines, v.StackID+"\x00"+v.Commit)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:8])
}

// fewRemovals is a number of removals. A plan with no more removals than that is not checked for
// their share of all environments.
const fewRemovals = 2

// checkSafetyLimit returns why the plan must not be carried out; nil if it has few enough removals,
// or if approved is its hash.
func checkSafetyLimit(plan Plan, bounds perch.PolicyCleanup, approved string) *perch.CleanupBrake {
	removals, all := len(plan.Removals), len(plan.Verdicts)
	share := max(fewRemovals, int(bounds.MaxShare*float64(all)))
	b := perch.CleanupBrake{Hash: plan.Hash, Removals: removals, Limit: min(bounds.MaxRemovals, share)}
	switch {
	case approved != "" && approved == plan.Hash:
		return nil
	case approved != "":
		b.Reason = fmt.Sprintf("plan %s was approved, and the plan is %s now: look at it again", approved, plan.Hash)
	case removals > bounds.MaxRemovals:
		b.Reason = fmt.Sprintf("%d removals are more than max_removals, %d", removals, bounds.MaxRemovals)
	case removals > share:
		b.Reason = fmt.Sprintf(
			"%d removals of %d environments are a larger share than max_share, %g", removals, all, bounds.MaxShare,
		)
	default:
		return nil
	}
	return &b
}

// UnreadLabels is the message for an environment that stays because the labels of its branch's pull
// requests, which may pin it, cannot be read.
func UnreadLabels(branch, problem string) string {
	return fmt.Sprintf(
		"a label may keep it, and the pull requests of branch %s cannot be read: %s", branch, problem,
	)
}

// LastSeen is the state that a removal finds at the end of its grace period.
type LastSeen struct {
	Branch string
	// Stack is the stack that has the environment's name at that time; nil if there is none.
	Stack *Found
	// Alive means that the branch exists. Unwanted explains why it should still have no
	// environment; empty if it should have one.
	Alive    bool
	Unwanted string
	// RepositoryID is the repository's id; empty if the source has none. Archived means that the
	// repository is archived.
	RepositoryID string
	Archived     bool
	// Cards has the environment's card. Pulls has the branch's pull requests, open and closed.
	// Unread explains why those could not be read; empty if they were. Now is the current time.
	Cards  KnownCards
	Pulls  []PullRequest
	Unread string
	Now    time.Time
}

// LastLook explains why the environment is kept after all; empty if it is still to be removed.
func LastLook(judged perch.Judgement, seen LastSeen, policy *perch.Policy) string {
	stack := seen.Stack
	switch {
	case seen.Alive && seen.Unread != "":
		return UnreadLabels(seen.Branch, seen.Unread)
	case seen.Alive && judged.Unwanted && seen.Unwanted == "":
		return fmt.Sprintf("branch %s is to have an environment again", seen.Branch)
	case seen.Alive && !judged.Unwanted && !judged.Expired:
		return fmt.Sprintf("branch %s exists again", seen.Branch)
	case stack == nil:
		return ""
	case seen.Archived:
		return Archived
	case stack.ID != judged.StackID:
		return fmt.Sprintf("stack %s was created again since cleanup judged it", stack.Name)
	case stack.Commit != judged.Commit:
		return fmt.Sprintf("another commit was deployed to stack %s since cleanup judged it", stack.Name)
	}
	for _, other := range others(policy.Identity(seen.RepositoryID), []Found{*stack}) {
		return other.String()
	}
	environment, kind, _ := perch.Owned(policy.Identity(seen.RepositoryID), stack.Name, stack.Tags)
	if reason := protection(subject{branch: seen.Branch, kind: kind, stack: *stack}, policy); reason != "" {
		return reason
	}
	if reason := seen.Cards.Keeps(environment.Slug, seen.Now); reason != "" {
		return reason
	}
	card := seen.Cards.BySlug[environment.Slug]
	if !seen.Alive { // Deleting a branch requests the removal, also if labels cannot be read.
		return unusedLabel(card, seen.Branch, seen.Pulls)
	}
	if judged.Expired {
		if note := LabelNote(card, seen.Pulls, seen.Now); note != nil && note.Kind == perch.NotePin {
			return note.Reason
		}
		if verdict := JudgeExpiry(
			*stack, seen.Cards, policy, seen.RepositoryID, seen.Now,
		); verdict.Action != perch.ExpiryRemove {
			return "it has not expired: " + verdict.Reason
		}
	}
	return ""
}
