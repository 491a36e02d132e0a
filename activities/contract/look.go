package contract

import (
	"time"

	"perch"
)

// LookInput names the branch to look at.
type LookInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// Hint is the newest hint: who is to be named in a request, and why.
	Hint perch.Hint `json:"hint,omitzero"`
	// At is the time by Temporal's clock, in UTC. The grace period of a removal begins then.
	At time.Time `json:"at"`
}

// LookResult is what was found and requested.
type LookResult struct {
	perch.LookResult
	// Busy says that the environment is to be removed, and that a run which works for an `up` must
	// end first: look again later.
	Busy bool `json:"busy,omitempty"`
}
