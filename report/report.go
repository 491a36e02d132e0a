// Package report describes the state of an environment in words: Known for terminals and pages, and
// Deployment, Status and Comment for GitHub. It does no I/O; its subpackages deliver the reports.
package report

import (
	"fmt"
	"regexp"
	"strings"

	"perch"
	"perch/mask"
)

// longestDescription is the maximum number of characters in the description of a deployment or
// commit status on GitHub.
const longestDescription = 140

// States of deployments and commits on GitHub (GitHub docs: Create a deployment status, Create a
// commit status).
const (
	DeploymentQueued     = "queued"
	DeploymentInProgress = "in_progress"
	DeploymentSuccess    = "success"
	DeploymentFailure    = "failure"
	DeploymentError      = "error"
	DeploymentInactive   = "inactive"

	StatusPending = "pending"
	StatusSuccess = "success"
	StatusFailure = "failure"
	StatusError   = "error"
)

// Line is a state with a description of at most 140 characters.
type Line struct {
	State, Description string
	// URL is the environment's address; empty until the environment is ready.
	URL string
}

// Deployment returns the report for the deployment of the state's commit. It is false if the state
// does not concern a deployment.
func Deployment(state perch.CardState) (Line, bool) {
	switch {
	case state.Goal != perch.GoalUp || state.Commit == "" || state.Outcome == perch.OutcomeSkipped:
		return Line{}, false
	case state.Phase == perch.PhaseImage:
		return line(DeploymentQueued, Words(state)), true
	case state.Phase == perch.PhaseReady:
		ready := line(DeploymentSuccess, Words(state))
		ready.URL = state.URL
		return ready, true
	case state.Phase == perch.PhaseFailed:
		return line(DeploymentFailure, Words(state)), true
	case state.Phase == perch.PhaseRejected:
		return line(DeploymentError, Words(state)), true
	case state.Phase == perch.PhaseSuperseded:
		return line(DeploymentInactive, Words(state)), true
	}
	return line(DeploymentInProgress, Words(state)), true
}

// Retired returns the report for the branch's previous deployment when another commit is deployed.
func Retired(commit string) Line {
	return line(DeploymentInactive, "superseded by "+perch.ShortCommit(commit))
}

// Removed returns the report for the branch's deployments when the environment is removed.
func Removed(state perch.CardState) Line {
	if state.Expired {
		return line(DeploymentInactive, "the environment has expired and is removed")
	}
	return line(DeploymentInactive, "the environment is removed")
}

// Status returns the commit status for the state's commit. It is false if the state does not
// concern a commit.
func Status(state perch.CardState) (Line, bool) {
	said := line(StatusPending, Words(state))
	switch {
	case state.Goal != perch.GoalUp || state.Commit == "":
		return Line{}, false
	case state.Outcome == perch.OutcomeSkipped, state.Phase == perch.PhaseSuperseded:
		said.State = StatusSuccess
	case state.Phase == perch.PhaseReady:
		said.State, said.URL = StatusSuccess, state.URL
	case state.Phase == perch.PhaseFailed:
		said.State = StatusFailure
	case state.Phase == perch.PhaseRejected:
		said.State = StatusError
	}
	return said, true
}

// Words describes the state in a few words.
func Words(state perch.CardState) string {
	switch {
	case state.Outcome == perch.OutcomeSkipped:
		return because("no environment", state.Sentence)
	case state.Phase == perch.PhaseSuperseded:
		return "superseded by " + perch.ShortCommit(state.SupersededBy)
	}
	switch state.Phase {
	case perch.PhaseImage:
		return "waiting for the image"
	case perch.PhaseReady:
		return "ready"
	case perch.PhaseGrace:
		return because("will be removed", state.Reason)
	case perch.PhaseRemoving:
		return because("being removed", state.Reason)
	case perch.PhaseGone:
		return because("removed", state.Reason)
	case perch.PhaseKept:
		return because("kept", state.Sentence)
	case perch.PhaseRejected:
		return because("rejected", state.Sentence)
	case perch.PhaseFailed:
		return because("failed", state.Failure)
	}
	if state.ExpectedSeconds > 0 {
		return "deploying, " + about(state.ExpectedSeconds)
	}
	return "deploying"
}

// because joins a word and its reason.
func because(word, reason string) string {
	if reason == "" {
		return word
	}
	return word + ": " + reason
}

// about formats an estimated time.
func about(seconds float64) string {
	if minutes := int(seconds/60 + 0.5); minutes > 0 {
		return fmt.Sprintf("about %d min", minutes)
	}
	return "about a minute"
}

// stackClause matches the words about the stack that precede the reason of a failed deployment.
var stackClause = regexp.MustCompile(`^failed: the (creation|update) of stack \S+ ended in [A-Z_]+: `)

// line returns a Line on one line whose description has its secrets masked and is cut to the length
// that GitHub accepts. If a failure is longer, its reason is more useful than the words about the
// stack.
func line(state, description string) Line {
	description, _ = mask.Text(description)
	letters := []rune(strings.Join(strings.Fields(description), " "))
	if len(letters) > longestDescription {
		letters = []rune(stackClause.ReplaceAllLiteralString(string(letters), "failed: "))
	}
	if len(letters) > longestDescription {
		letters = append(letters[:longestDescription-3], '.', '.', '.')
	}
	return Line{State: state, Description: string(letters)}
}
