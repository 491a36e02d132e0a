package lifecycle

import (
	"fmt"

	"perch"
)

// LatestRun is what an environment's latest run is doing, or how it ended.
type LatestRun string

// The states of the latest run.
const (
	// RunNone means that Temporal knows no run.
	RunNone LatestRun = ""
	// RunUp is an open run that works for an `up`.
	RunUp LatestRun = "up"
	// RunRemoval is an open run that works for a removal.
	RunRemoval LatestRun = "removal"
	// RunFailed is a run that failed.
	RunFailed LatestRun = "failed"
	// RunEnded is a run that ended with a result.
	RunEnded LatestRun = "ended"
)

// Seen is what a Look saw of a branch and of its environment.
type Seen struct {
	Branch string
	// Head is the branch's head; empty if the source has no such branch.
	Head string
	// Stack is the stack with the name of the environment's; nil if there is none.
	Stack *Found
	// Run is the environment's latest run.
	Run LatestRun
	// Archived says that the repository is archived.
	Archived bool
	// PullRequests are the branch's; nil if the source does not tell.
	PullRequests []PullRequest
	// Unread is why the pull requests could not be read, if that does not matter for anything but
	// labels.
	Unread string
	// NoUp says that no `up` is to be requested.
	NoUp bool
	// RepositoryID is the repository's id; empty if the source has none.
	RepositoryID string
}

// LookStep is what a Look requests.
type LookStep struct {
	// Goal is what is requested; empty if nothing is.
	Goal perch.Goal
	// Unwanted says that the branch exists.
	Unwanted bool
	// Busy says that a removal is needed, but that a run still works for an `up` and would ignore
	// it.
	Busy bool
	// Reason is the sentence for it.
	Reason string
}

// NextByLook is what a Look requests: `up` if the head of the branch is not deployed; a removal, as
// cleanup requests it, if the branch is deleted or its pull request says so; otherwise nothing.
func NextByLook(s Seen, policy *perch.Policy) LookStep {
	if s.Archived {
		return LookStep{Reason: Archived}
	}
	if s.Head == "" {
		return s.unwanted("branch missing", policy)
	}
	if reason := Unwanted(s.Head, s.PullRequests, policy); reason != "" {
		step := s.unwanted(reason, policy)
		step.Unwanted = step.Goal == perch.GoalGone
		return step
	}
	step := s.wanted()
	if s.Unread != "" {
		step.Reason += "; labels of pull requests have no effect: " + s.Unread
	}
	return step
}

// Archived is the message about an archived repository: no one can push to it or delete a branch.
const Archived = "the repository is archived, so nothing is deployed or removed: unarchive it on GitHub, or remove " +
	"its environments with `perch down BRANCH`"

// wanted is the step for a branch that should have an environment.
func (s Seen) wanted() LookStep {
	if s.Stack != nil && s.Stack.Commit == s.Head && Reached(s.Stack.Status) &&
		(s.Run == RunEnded || s.Run == RunNone) {
		return LookStep{Reason: fmt.Sprintf("commit %s is deployed", perch.ShortCommit(s.Head))}
	}
	if s.NoUp {
		return LookStep{Reason: "nothing was pushed"}
	}
	return LookStep{Goal: perch.GoalUp, Reason: fmt.Sprintf("the head of the branch is %s", perch.ShortCommit(s.Head))}
}

// unwanted is the step for a branch that should have none, for the reason.
func (s Seen) unwanted(reason string, policy *perch.Policy) LookStep {
	exists := s.Stack != nil && s.Stack.Status != "DELETE_COMPLETE"
	switch {
	case !exists && s.Run != RunUp:
		return LookStep{Reason: reason + "; there is no environment"}
	case !exists:
		return LookStep{Busy: true, Reason: reason + "; a run works for an `up` of this branch"}
	}
	_, kind, ours := perch.Owned(policy.Identity(s.RepositoryID), s.Stack.Name, s.Stack.Tags)
	if !ours {
		return LookStep{
			Reason: fmt.Sprintf("%s; stack %s is not managed by Perch for this repository", reason, s.Stack.Name),
		}
	}
	if kept := protection(subject{branch: s.Branch, kind: kind, stack: *s.Stack}, policy); kept != "" {
		return LookStep{Reason: reason + "; " + kept}
	}
	if s.Run == RunUp {
		return LookStep{Busy: true, Reason: reason + "; a run works for an `up` of this branch"}
	}
	return LookStep{Goal: perch.GoalGone, Reason: reason}
}
