package perch

import "time"

// ErrorCleanupFailed is the type of the application error that Cleanup fails with after it has done
// what it could: it could not judge, or a removal has failed and the environment is still there.
// Its details are a CleanupResult.
const ErrorCleanupFailed = "CleanupFailed"

// Verdict is what cleanup says of one stack.
type Verdict string

// The verdicts.
const (
	// VerdictKeep leaves the environment alone.
	VerdictKeep Verdict = "keep"
	// VerdictRemove requests the environment's removal.
	VerdictRemove Verdict = "remove"
	// VerdictHold leaves it alone because what was seen does not allow a judgement.
	VerdictHold Verdict = "hold"
)

// CleanupInput is the input of Cleanup.
type CleanupInput struct {
	Project string `json:"project"`
	// DryRun computes the verdicts and requests nothing.
	DryRun bool `json:"dry_run,omitempty"`
	// Now requests removals without a grace period.
	Now bool `json:"now,omitempty"`
	// Approved is the hash of the plan that a person approved: exactly that plan is carried out,
	// regardless of its size.
	Approved string `json:"approved,omitempty"`
	// Missing also requests an `up` for branches that should have an environment and have none.
	Missing bool `json:"missing,omitempty"`
	// By says who asks: `schedule`, `jane@laptop`.
	By string `json:"by,omitempty"`
}

// CleanupResult says what a run of Cleanup did: its result, or the details of its failure.
type CleanupResult struct {
	// Verdicts say what happens to each environment, the oldest first. About 40 kB of them are
	// listed, removals before others; Unlisted counts the rest, and removals among it are left to
	// the next run.
	Verdicts []CleanupVerdict `json:"verdicts"`
	Unlisted int              `json:"unlisted,omitempty"`
	// Asked are the removals that the run requested, the oldest first.
	Asked []CleanupAsked `json:"asked"`
	// Failed are environments whose removal has failed and that are still there.
	Failed []CleanupFailure `json:"failed"`
	// Brake says why nothing was requested; nil if the plan was within the limits.
	Brake *CleanupBrake `json:"brake"`
	// OtherRepositories hold the stacks of the project whose repository does not match. They have
	// no verdict.
	OtherRepositories []OtherRepository `json:"other_repositories,omitempty"`
	// Missing are branches without an environment; nil if they were not looked for.
	Missing *CleanupMissing `json:"missing,omitempty"`
	// Problem says why no branch could be judged; empty if the listing of branches is to be
	// trusted.
	Problem string `json:"problem,omitempty"`
	// Expiry is what was decided about the expiry of environments; nil if that was not judged.
	Expiry *ExpiryResult `json:"expiry,omitempty"`
}

// CleanupMissing are branches that should have an environment at their head and have none.
type CleanupMissing struct {
	// Branches are at most as many as the policy's cleanup.max_removals. Each run begins with other
	// ones.
	Branches []MissingBranch `json:"branches"`
	// Unseen counts the branches that this run did not look at.
	Unseen int `json:"unseen,omitempty"`
	// Problem says why the list is not complete; empty if it is.
	Problem string `json:"problem,omitempty"`
}

// MissingBranch is a branch without an environment, or with one that is not at the branch's head.
type MissingBranch struct {
	Branch string `json:"branch"`
	Stack  string `json:"stack"`
	// Commit is the branch's head, Deployed the commit that its environment has; empty if it has
	// none.
	Commit   string `json:"commit"`
	Deployed string `json:"deployed,omitempty"`
	// RunID is the run that holds the request for it; empty if none was made.
	RunID string `json:"run_id,omitempty"`
}

// CleanupVerdict is the verdict on one environment.
type CleanupVerdict struct {
	Stack   string  `json:"stack"`
	Branch  string  `json:"branch"`
	Verdict Verdict `json:"verdict"`
	// Reason is why, in a few words.
	Reason string `json:"reason"`
	// StackID and Commit are what was judged: the stack and the commit deployed in it.
	StackID string `json:"stack_id"`
	Commit  string `json:"commit,omitempty"`
	// Created is when the stack was made, in UTC.
	Created time.Time `json:"created"`
}

// CleanupAsked is a removal that was requested.
type CleanupAsked struct {
	Stack  string `json:"stack"`
	Branch string `json:"branch"`
	// RunID is the run that holds the request, RequestID the request.
	RunID     string `json:"run_id"`
	RequestID string `json:"request_id"`
	// Judged is what the request was made for.
	Judged Judgement `json:"judged"`
}

// CleanupFailure is an environment whose removal has failed.
type CleanupFailure struct {
	Stack string `json:"stack"`
	Error string `json:"error"`
}

// CleanupBrake says that a plan is larger than the policy lets cleanup carry out without approval.
type CleanupBrake struct {
	// Reason is the sentence for it.
	Reason string `json:"reason"`
	// Hash names the plan: the stacks to remove and the commits in them.
	Hash string `json:"hash"`
	// Removals is the number of removals in the plan, Limit the most that would be carried out.
	Removals int `json:"removals"`
	Limit    int `json:"limit"`
}
