package lifecycle

import (
	"fmt"

	"perch"
)

// LatestRun is the state of an environment's latest run.
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

// Seen is the state of a branch and its environment as a Look found it.
type Seen struct {
	Branch string
	// Head is the branch's head; empty if the branch does not exist.
	Head string
	// Stack is the stack with the environment's name; nil if there is none.
	Stack *Found
	// Run is the environment's latest run.
	Run LatestRun
	// Archived means that the repository is archived.
	Archived bool
	// PullRequests are the branch's pull requests; nil if the source does not provide them.
	PullRequests []PullRequest
	// Unread explains why the pull requests could not be read, if only labels depend on them.
	Unread string
	// NoUp means that no `up` may be requested.
	NoUp bool
	// RepositoryID is the repository's id; empty if the source has none.
	RepositoryID string
}

// LookStep is the action of a Look.
type LookStep struct {
	// Goal is the goal to request; empty for no request.
	Goal perch.Goal
	// Unwanted means that the branch exists although its environment is to be removed.
	Unwanted bool
	// Busy means that a removal is needed, but a run that works for an `up` is still open and would
	// ignore it.
	Busy bool
	// Reason explains the step in a sentence.
	Reason string
}

// NextByLook returns the request that a Look makes. It is an `up` if the branch's head is not
// deployed. It is a removal, like cleanup's, if the branch is deleted or its pull request says so.
// Otherwise there is no request.
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

// Archived is the message for an archived repository, in which branches can be neither pushed nor
// deleted.
const Archived = "the repository is archived, so nothing is deployed or removed: unarchive it on GitHub, or remove " +
	"its environments with `perch down BRANCH`"

// wanted returns the step for a branch that should have an environment.
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

// unwanted returns the step for a branch that should have no environment, for the reason.
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
