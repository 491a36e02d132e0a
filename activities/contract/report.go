package contract

import "perch"

// ReportInput is a state to write into an environment's card and to report through every configured
// channel.
type ReportInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID identifies the environment's stack; empty if it is unknown or does not exist.
	StackID string `json:"stack_id,omitempty"`
	// State is the run's state; nil if there are only notes.
	State *perch.CardState `json:"state,omitempty"`
	// Ended are the last states of superseded requests, oldest first. Only their commits get a
	// report.
	Ended []perch.CardState `json:"ended,omitempty"`
	// Notes are the notes that the run has received, oldest first.
	Notes []perch.Note `json:"notes,omitempty"`
	// Removed means that the environment no longer exists. The last report is sent, and the card is
	// deleted.
	Removed bool `json:"removed,omitempty"`
}

// ReportResult reports what could not be done. A failed report never fails a run.
type ReportResult struct {
	// Problems are sentences about what was not recorded or not delivered.
	Problems []string `json:"problems,omitempty"`
}
