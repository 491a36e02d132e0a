package perch

import "time"

// ErrorCleanupFailed is the type of the application error with which Cleanup ends if it could not
// judge the branches, or if a removal has failed and its environment still exists. Cleanup first
// does everything else that it can. The error's details are a CleanupResult.
const ErrorCleanupFailed = "CleanupFailed"

// Verdict is cleanup's decision on one stack.
type Verdict string

// The verdicts.
const (
	// VerdictKeep leaves the environment alone.
	VerdictKeep Verdict = "keep"
	// VerdictRemove requests the environment's removal.
	VerdictRemove Verdict = "remove"
	// VerdictHold leaves the environment alone because there is not enough information for a
	// decision.
	VerdictHold Verdict = "hold"
)

// CleanupInput is the input of Cleanup.
type CleanupInput struct {
	Project string `json:"project"`
	// DryRun computes the verdicts and requests nothing.
	DryRun bool `json:"dry_run,omitempty"`
	// Now requests removals without a grace period.
	Now bool `json:"now,omitempty"`
	// Approved is the hash of the plan that a person approved. Cleanup carries out exactly that
	// plan, regardless of its size.
	Approved string `json:"approved,omitempty"`
	// Missing also requests an `up` for each branch that should have an environment and has none.
	Missing bool `json:"missing,omitempty"`
	// By is the requester: `schedule`, `jane@laptop`.
	By string `json:"by,omitempty"`
}

// CleanupResult reports what a run of Cleanup did. It is the run's result, or the details of its
// failure.
type CleanupResult struct {
	// Verdicts has the decision on each environment, oldest first. The list is limited to about 40
	// kB, and removals come before the rest. Unlisted counts the decisions that do not fit; the
	// next run handles the removals among them.
	Verdicts []CleanupVerdict `json:"verdicts"`
	Unlisted int              `json:"unlisted,omitempty"`
	// Asked are the removals that the run requested, oldest first.
	Asked []CleanupAsked `json:"asked"`
	// Failed are environments that still exist because their removal has failed.
	Failed []CleanupFailure `json:"failed"`
	// Brake explains why nothing was requested; nil if the plan was within the safety limit.
	Brake *CleanupBrake `json:"brake"`
	// OtherRepositories are the project's stacks whose repository does not match. They have no
	// verdict.
	OtherRepositories []OtherRepository `json:"other_repositories,omitempty"`
	// Missing are branches without an environment; nil if cleanup did not look for them.
	Missing *CleanupMissing `json:"missing,omitempty"`
	// Problem explains why no branch could be judged; empty if the list of branches is reliable.
	Problem string `json:"problem,omitempty"`
	// Expiry holds the decisions on the expiry of environments; nil if expiry was not judged.
	Expiry *ExpiryResult `json:"expiry,omitempty"`
}

// CleanupMissing lists branches that should have an environment at their head and do not.
type CleanupMissing struct {
	// Branches has at most as many entries as the policy's cleanup.max_removals. Each run starts at
	// a different branch.
	Branches []MissingBranch `json:"branches"`
	// Unseen counts the branches that this run did not reach.
	Unseen int `json:"unseen,omitempty"`
	// Problem explains why the list is incomplete; empty if it is complete.
	Problem string `json:"problem,omitempty"`
}

// MissingBranch is a branch without an environment, or with one that is not at the branch's head.
type MissingBranch struct {
	Branch string `json:"branch"`
	Stack  string `json:"stack"`
	// Commit is the branch's head. Deployed is the commit in its environment; empty if there is no
	// environment.
	Commit   string `json:"commit"`
	Deployed string `json:"deployed,omitempty"`
	// RunID is the run that holds the request for the environment; empty if no request was made.
	RunID string `json:"run_id,omitempty"`
}

// CleanupVerdict is cleanup's decision on one environment.
type CleanupVerdict struct {
	Stack   string  `json:"stack"`
	Branch  string  `json:"branch"`
	Verdict Verdict `json:"verdict"`
	// Reason explains the verdict in a few words.
	Reason string `json:"reason"`
	// StackID and Commit identify what was judged: the stack and the commit deployed in it.
	StackID string `json:"stack_id"`
	Commit  string `json:"commit,omitempty"`
	// Created is when the stack was created, in UTC.
	Created time.Time `json:"created"`
}

// CleanupAsked is a removal that was requested.
type CleanupAsked struct {
	Stack  string `json:"stack"`
	Branch string `json:"branch"`
	// RunID is the run that holds the request, and RequestID the request's ID.
	RunID     string `json:"run_id"`
	RequestID string `json:"request_id"`
	// Judged is the observation on which the request is based.
	Judged Judgement `json:"judged"`
}

// CleanupFailure is an environment whose removal has failed.
type CleanupFailure struct {
	Stack string `json:"stack"`
	Error string `json:"error"`
}

// CleanupBrake reports that a plan exceeds the safety limit: the policy does not let cleanup carry
// it out without approval.
type CleanupBrake struct {
	// Reason explains this in a sentence.
	Reason string `json:"reason"`
	// Hash identifies the plan by the stacks to remove and the commits in them.
	Hash string `json:"hash"`
	// Removals is the number of removals in the plan. Limit is the most that cleanup would carry
	// out.
	Removals int `json:"removals"`
	Limit    int `json:"limit"`
}
