package perch

import "time"

// Trigger is what starts deployments without a person.
type Trigger string

// The triggers.
const (
	// TriggerCI is a CI job that runs `perch up`.
	TriggerCI Trigger = "ci"
	// TriggerWebhook is a webhook of the branch source.
	TriggerWebhook Trigger = "webhook"
)

// LabelOff is the label of a pull request whose branch should have no environment.
const LabelOff = "perch:off"

// LabelKeep is the label of a pull request that pins the environment of its branch.
const LabelKeep = "perch:keep"

// OnPRClose is what happens to a branch's environment when its last pull request is closed or
// merged.
type OnPRClose string

// The values of OnPRClose.
const (
	OnPRCloseKeep   OnPRClose = "keep"
	OnPRCloseRemove OnPRClose = "remove"
)

// Hint says that something happened to a branch. It is not an order: a Look asks the branch source
// what is true now.
type Hint struct {
	// By says who caused it: `webhook:ana`.
	By string `json:"by,omitempty"`
	// Reason says what happened, in a few words: `push`, `branch deleted`.
	Reason string `json:"reason,omitempty"`
	// NoUp says that nothing was pushed, so that no `up` is to be requested: a new title brings no
	// environment back that a person removed.
	NoUp bool `json:"no_up,omitempty"`
	// Delivery is the id of the webhook's delivery; a redelivery has the same one.
	Delivery string `json:"delivery,omitempty"`
}

// LookInput is the input of Look.
type LookInput struct {
	Environment Environment `json:"environment,omitzero"`
	// Hint is the newest hint of an earlier run; nil in the first run, which gets it by signal.
	Hint *Hint `json:"hint,omitempty"`
}

// LookResult is what a Look found and requested.
type LookResult struct {
	// Requested is the goal that was requested; empty if nothing was.
	Requested Goal `json:"requested,omitempty"`
	// Reason is the sentence for it.
	Reason string `json:"reason"`
	// Commit is the branch's head; empty if the source has no such branch.
	Commit string `json:"commit,omitempty"`
	// RunID is the environment's run that holds the request.
	RunID string `json:"run_id,omitempty"`
	// Until is when the grace period of a requested removal ends, in UTC.
	Until time.Time `json:"until,omitzero"`
}

// LookWorkflowID is the ID of the Look at the environment's branch.
func LookWorkflowID(e Environment) string { return e.Project + ":look:" + e.Slug }
