package contract

import (
	"time"

	"perch"
)

// LookInput names the branch to look at.
type LookInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// Hint is the newest hint. A request takes its By and Reason from the hint.
	Hint perch.Hint `json:"hint,omitzero"`
	// At is the time of the look, from Temporal's clock, in UTC. The grace period of a removal
	// begins then.
	At time.Time `json:"at"`
}

// LookResult reports what was found and requested.
type LookResult struct {
	perch.LookResult
	// Busy means that the environment is to be removed, but a run that works for an `up` must end
	// first. The Look then tries again later.
	Busy bool `json:"busy,omitempty"`
}
