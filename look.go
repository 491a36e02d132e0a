package perch

import "time"

// Trigger is an automatic cause of deployments.
type Trigger string

// The triggers.
const (
	// TriggerCI is a CI job that runs `perch up`.
	TriggerCI Trigger = "ci"
	// TriggerWebhook is a webhook of the branch source.
	TriggerWebhook Trigger = "webhook"
)

// LabelOff is the label of a pull request whose branch must not have an environment.
const LabelOff = "perch:off"

// LabelKeep is the label of a pull request that pins its branch's environment.
const LabelKeep = "perch:keep"

// OnPRClose selects what happens to a branch's environment when the branch's last pull request is
// closed or merged.
type OnPRClose string

// The values of OnPRClose.
const (
	OnPRCloseKeep   OnPRClose = "keep"
	OnPRCloseRemove OnPRClose = "remove"
)

// Hint reports that something happened to a branch. It requests nothing: a Look reads the current
// state from the branch source and decides.
type Hint struct {
	// By is who caused it: `webhook:ana`.
	By string `json:"by,omitempty"`
	// Reason describes the event in a few words: `push`, `branch deleted`.
	Reason string `json:"reason,omitempty"`
	// NoUp means that nothing was pushed, so no `up` may be requested. For example, an edited title
	// does not bring back an environment that a person removed.
	NoUp bool `json:"no_up,omitempty"`
	// Delivery is the id of the webhook delivery. A redelivery has the same id.
	Delivery string `json:"delivery,omitempty"`
}

// LookInput is the input of Look.
type LookInput struct {
	Environment Environment `json:"environment,omitzero"`
	// Hint is the newest hint of an earlier run; nil in the first run, which receives it by signal.
	Hint *Hint `json:"hint,omitempty"`
}

// LookResult reports what a Look found and requested.
type LookResult struct {
	// Requested is the goal of the request; empty if none was made.
	Requested Goal `json:"requested,omitempty"`
	// Reason explains this in a sentence.
	Reason string `json:"reason"`
	// Commit is the branch's head; empty if the branch does not exist.
	Commit string `json:"commit,omitempty"`
	// RunID is the environment's run that holds the request.
	RunID string `json:"run_id,omitempty"`
	// Until is when the grace period of a requested removal ends, in UTC.
	Until time.Time `json:"until,omitzero"`
}

// LookWorkflowID returns the workflow ID of the Look for the environment's branch.
func LookWorkflowID(e Environment) string { return e.Project + ":look:" + e.Slug }
