package perch

import "time"

// ActivityKind is what shows that an environment is in use.
type ActivityKind string

// The kinds of activity. Comments, visits and what Perch does automatically do not count.
const (
	ActivityPush   ActivityKind = "push"
	ActivityExtend ActivityKind = "extend"
	ActivityPin    ActivityKind = "pin"
	ActivityUnpin  ActivityKind = "unpin"
)

// Activity is what last showed that an environment is in use.
type Activity struct {
	Kind ActivityKind `json:"kind"`
	By   string       `json:"by"`
	// At is when it was entered into the card, in UTC.
	At time.Time `json:"at"`
}

// Pin keeps an environment from expiry and from cleanup until it ends. It does not keep it from
// `perch down`.
type Pin struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
	// PullRequest is the number of the pull request whose label pins it; 0 if a person does.
	PullRequest int `json:"pull_request,omitempty"`
}

// Holds reports whether the pin is in force; a nil pin is not.
func (p *Pin) Holds(now time.Time) bool { return p != nil && p.Until.After(now) }

// ExpiryWarning is a warning that an environment expires.
type ExpiryWarning struct {
	// Deadline is the end of the environment's life that the warning is about. End is the end that
	// it announces: later than Deadline if the warning itself is late.
	Deadline time.Time `json:"deadline"`
	End      time.Time `json:"end"`
	// Reason is why the environment expires, in a few words.
	Reason string `json:"reason,omitempty"`
	// Longest says that Deadline is the end of the longest life, so that only a pin keeps the
	// environment.
	Longest bool `json:"longest,omitempty"`
	// At is when people were told, on every pull request; the zero time if that is not done.
	At time.Time `json:"at,omitzero"`
}

// ExpiryAction is what the sweep does about an environment's expiry.
type ExpiryAction string

// The actions.
const (
	// ExpiryKeep leaves the environment alone.
	ExpiryKeep ExpiryAction = "keep"
	// ExpiryWarn warns people that it expires.
	ExpiryWarn ExpiryAction = "warn"
	// ExpiryRemove requests the removal.
	ExpiryRemove ExpiryAction = "remove"
)

// ExpiryVerdict is what expiry says of one environment.
type ExpiryVerdict struct {
	Stack  string       `json:"stack"`
	Branch string       `json:"branch"`
	Action ExpiryAction `json:"action"`
	// Reason is why, in a few words.
	Reason string `json:"reason"`
	// Pinned says that a pin keeps it. Reason is whose then, until when and why.
	Pinned bool `json:"pinned,omitempty"`
	// Deadline is when the environment expires, in UTC; the zero time if it does not.
	Deadline time.Time `json:"deadline,omitzero"`
	// Warning is the warning that is due, for ExpiryWarn.
	Warning *ExpiryWarning `json:"warning,omitempty"`
	// Note is what a label of a pull request says: a pin, or its end; nil if nothing.
	Note *Note `json:"note,omitempty"`
	// StackID and Commit are what was judged, Created is when the stack was created, in UTC.
	StackID string    `json:"stack_id"`
	Commit  string    `json:"commit,omitempty"`
	Created time.Time `json:"created"`
	// USDPerDay is what the environment costs a day, an estimate; 0 if there is none.
	USDPerDay float64 `json:"usd_per_day,omitempty"`
	// RunID is the run that holds the request for its removal; empty if none was requested.
	RunID string `json:"run_id,omitempty"`
}

// ExpiryInput is the input of Expiry.
type ExpiryInput struct {
	Project string `json:"project"`
	// DryRun only says what would be done.
	DryRun bool `json:"dry_run,omitempty"`
}

// ExpiryResult is what a sweep of expiry saw and did.
type ExpiryResult struct {
	// At is when it was judged, in UTC.
	At time.Time `json:"at"`
	// Verdicts are those on all environments, removals first, then warnings. At most 200 are
	// listed; Unlisted counts the rest, which are kept.
	Verdicts []ExpiryVerdict `json:"verdicts"`
	Unlisted int             `json:"unlisted,omitempty"`
	// SavedUSDPerDay is what the environments cost a day whose removal was requested, an estimate.
	SavedUSDPerDay float64 `json:"saved_usd_per_day"`
	// Problem says why nothing, or not everything, could be judged; empty if there is none.
	Problem string `json:"problem,omitempty"`
}

// KeepInput is the input of Keep: a note by which a person keeps an environment, or no longer does.
type KeepInput struct {
	Environment Environment `json:"environment,omitzero"`
	Note        Note        `json:"note"`
}

// KeepResult is the answer.
type KeepResult struct {
	// At is when the worker saw it, in UTC.
	At time.Time `json:"at"`
	// Expires is when the environment expires, in UTC; the zero time if it does not.
	Expires time.Time `json:"expires,omitzero"`
	// Pin is what keeps it; nil if it is not pinned.
	Pin *Pin `json:"pin,omitempty"`
}
