package contract

import (
	"time"

	"perch"
)

// PlanResult is a cleanup plan of limited size.
type PlanResult struct {
	// Verdicts are sorted oldest first. Removals come first, as many as fit, and then the rest.
	// Unlisted counts the verdicts that do not fit.
	Verdicts []perch.CleanupVerdict `json:"verdicts"`
	Unlisted int                    `json:"unlisted,omitempty"`
	// Others are the project's stacks whose repository does not match.
	Others []perch.OtherRepository `json:"other_repositories,omitempty"`
	// Failed, Brake and Problem are those of lifecycle.Plan. Brake is set if the safety limit
	// stopped the plan.
	Failed  []perch.CleanupFailure `json:"failed"`
	Brake   *perch.CleanupBrake    `json:"brake"`
	Problem string                 `json:"problem,omitempty"`
	// Missing are branches without an environment; nil if cleanup did not look for them.
	Missing *perch.CleanupMissing `json:"missing,omitempty"`
	// At is when the branches were judged. Until is when the grace period ends. Both are in UTC.
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// LastLookInput is the input of LastLook: the judgement to check once more before the removal.
type LastLookInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	Judged      perch.Judgement   `json:"judged"`
}

// LastLookResult reports whether the judgement is still true.
type LastLookResult struct {
	// Keep explains why the environment is kept after all; empty if it is still to be removed.
	Keep string `json:"keep,omitempty"`
}

// AskInput describes a removal to request.
type AskInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// Judged is the observation on which the removal is based, and Reason explains the removal.
	Judged perch.Judgement `json:"judged"`
	Reason string          `json:"reason"`
}

// DeploymentInput describes an `up` to request.
type DeploymentInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// Commit is the branch's head.
	Commit string `json:"commit"`
}

// AskResult names the run that holds the request.
type AskResult struct {
	RunID     string `json:"run_id"`
	RequestID string `json:"request_id"`
	// Failure is why the environment's last removal failed; empty if it did not fail.
	Failure string `json:"failure,omitempty"`
}

// RecheckResult lists the leftovers of removed environments that still exist.
type RecheckResult struct {
	Failed []perch.CleanupFailure `json:"failed,omitempty"`
}
