package perch

import "time"

// ActivityKind is the kind of evidence that an environment is in use.
type ActivityKind string

// The kinds of activity. Comments, visits and Perch's automatic actions do not count as use.
const (
	ActivityPush   ActivityKind = "push"
	ActivityExtend ActivityKind = "extend"
	ActivityPin    ActivityKind = "pin"
	ActivityUnpin  ActivityKind = "unpin"
)

// Activity is the latest evidence that an environment is in use.
type Activity struct {
	Kind ActivityKind `json:"kind"`
	By   string       `json:"by"`
	// At is when it was recorded in the card, in UTC.
	At time.Time `json:"at"`
}

// Pin protects an environment from expiry and cleanup until the pin ends. It does not prevent
// `perch down`.
type Pin struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
	// PullRequest is the number of the pull request whose label pins the environment; 0 if a person
	// pinned it.
	PullRequest int `json:"pull_request,omitempty"`
}

// Holds reports whether the pin is in force; a nil pin is not.
func (p *Pin) Holds(now time.Time) bool { return p != nil && p.Until.After(now) }

// ExpiryWarning is a warning that an environment is about to expire.
type ExpiryWarning struct {
	// Deadline is the expiry time that the warning is about. End is the time that the warning
	// announces. It is later than Deadline if the warning was late.
	Deadline time.Time `json:"deadline"`
	End      time.Time `json:"end"`
	// Reason explains in a few words why the environment expires.
	Reason string `json:"reason,omitempty"`
	// Longest means that Deadline is the end of the longest allowed life. Then only a pin keeps the
	// environment.
	Longest bool `json:"longest,omitempty"`
	// At is when every channel that can warn people had delivered the warning; zero until then.
	At time.Time `json:"at,omitzero"`
}

// Key identifies the warning among those about one environment.
func (w ExpiryWarning) Key() string { return w.Deadline.UTC().Format(time.RFC3339) }

// ExpiryAction is the sweep's decision on an environment's expiry.
type ExpiryAction string

// The actions.
const (
	// ExpiryKeep leaves the environment alone.
	ExpiryKeep ExpiryAction = "keep"
	// ExpiryWarn warns people that the environment is about to expire.
	ExpiryWarn ExpiryAction = "warn"
	// ExpiryRemove requests the environment's removal.
	ExpiryRemove ExpiryAction = "remove"
)

// ExpiryVerdict is the decision on the expiry of one environment.
type ExpiryVerdict struct {
	Stack  string       `json:"stack"`
	Branch string       `json:"branch"`
	Action ExpiryAction `json:"action"`
	// Reason explains the action in a few words.
	Reason string `json:"reason"`
	// Pinned means that a pin keeps the environment. Reason then says who pinned it, until when and
	// why.
	Pinned bool `json:"pinned,omitempty"`
	// Deadline is when the environment expires, in UTC; zero if it does not expire.
	Deadline time.Time `json:"deadline,omitzero"`
	// Warning is the warning to deliver, if Action is ExpiryWarn.
	Warning *ExpiryWarning `json:"warning,omitempty"`
	// Note is the note that a pull request's label leads to, which pins the environment or ends a
	// pin; nil if there is none.
	Note *Note `json:"note,omitempty"`
	// StackID and Commit identify what was judged. Created is when the stack was created, in UTC.
	StackID string    `json:"stack_id"`
	Commit  string    `json:"commit,omitempty"`
	Created time.Time `json:"created"`
	// USDPerDay is the estimated daily cost of the environment; 0 if there is no estimate.
	USDPerDay float64 `json:"usd_per_day,omitempty"`
	// RunID is the run that holds the removal request; empty if none was made.
	RunID string `json:"run_id,omitempty"`
}

// ExpiryInput is the input of Expiry.
type ExpiryInput struct {
	Project string `json:"project"`
	// DryRun reports the decisions without acting on them.
	DryRun bool `json:"dry_run,omitempty"`
}

// ExpiryResult reports what an expiry sweep found and did.
type ExpiryResult struct {
	// At is when expiry was judged, in UTC.
	At time.Time `json:"at"`
	// Verdicts has the decision on each environment: first removals, then warnings, then the rest.
	// It lists at most 200. Unlisted counts the others, which are kept.
	Verdicts []ExpiryVerdict `json:"verdicts"`
	Unlisted int             `json:"unlisted,omitempty"`
	// SavedUSDPerDay is the estimated daily cost of the environments whose removal was requested.
	SavedUSDPerDay float64 `json:"saved_usd_per_day"`
	// Problem explains why some or all environments could not be judged; empty if all were.
	Problem string `json:"problem,omitempty"`
}

// KeepInput is the input of Keep: a note from a person that extends, pins or unpins an environment.
type KeepInput struct {
	Environment Environment `json:"environment,omitzero"`
	Note        Note        `json:"note"`
}

// KeepResult is the result of Keep.
type KeepResult struct {
	// At is the worker's time, in UTC.
	At time.Time `json:"at"`
	// Expires is when the environment expires, in UTC; zero if it does not expire.
	Expires time.Time `json:"expires,omitzero"`
	// Pin is the environment's pin; nil if it is not pinned.
	Pin *Pin `json:"pin,omitempty"`
}
