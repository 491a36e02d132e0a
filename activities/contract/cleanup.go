package contract

import (
	"time"

	"perch"
)

// PlanResult is a plan, bounded in size.
type PlanResult struct {
	// Verdicts are the oldest first: all removals that fit, and then others. Unlisted counts the
	// rest.
	Verdicts []perch.CleanupVerdict `json:"verdicts"`
	Unlisted int                    `json:"unlisted,omitempty"`
	// Others hold the stacks of the project whose repository does not match.
	Others []perch.OtherRepository `json:"other_repositories,omitempty"`
	// Failed, Brake and Problem are the plan's.
	Failed  []perch.CleanupFailure `json:"failed"`
	Brake   *perch.CleanupBrake    `json:"brake"`
	Problem string                 `json:"problem,omitempty"`
	// Missing are branches without an environment; nil if they were not looked for.
	Missing *perch.CleanupMissing `json:"missing,omitempty"`
	// At is when it was judged, Until when the grace period ends; both in UTC.
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// LastLookInput is what cleanup judged.
type LastLookInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	Judged      perch.Judgement   `json:"judged"`
}

// LastLookResult says whether that is still true.
type LastLookResult struct {
	// Keep is why the environment is to be kept; empty if it is to be removed.
	Keep string `json:"keep,omitempty"`
}

// AskInput is a removal to request.
type AskInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// Judged is what the removal is for, Reason why.
	Judged perch.Judgement `json:"judged"`
	Reason string          `json:"reason"`
}

// DeploymentInput is an `up` to request.
type DeploymentInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// Commit is the branch's head.
	Commit string `json:"commit"`
}

// AskResult says which run holds the request.
type AskResult struct {
	RunID     string `json:"run_id"`
	RequestID string `json:"request_id"`
	// Failure is why the environment's last removal failed; empty if it did not.
	Failure string `json:"failure,omitempty"`
}

// RecheckResult is what is still left of removed environments.
type RecheckResult struct {
	Failed []perch.CleanupFailure `json:"failed,omitempty"`
}
