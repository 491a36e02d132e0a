package contract

import "perch"

// ReportInput is what to write into an environment's card and to report by every configured
// channel.
type ReportInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the environment's stack; empty if it is not known or does not exist.
	StackID string `json:"stack_id,omitempty"`
	// State is what the run says; nil if only notes are taken.
	State *perch.CardState `json:"state,omitempty"`
	// Ended are the last states of requests that another request has superseded, the oldest first.
	// Only their commits get a report.
	Ended []perch.CardState `json:"ended,omitempty"`
	// Notes are the notes that the run has taken, the oldest first.
	Notes []perch.Note `json:"notes,omitempty"`
	// Removed says that the environment is gone: the last report is sent and the card deleted.
	Removed bool `json:"removed,omitempty"`
}

// ReportResult says what could not be done. A report never fails a run.
type ReportResult struct {
	// Problems are sentences about what has not been recorded or delivered.
	Problems []string `json:"problems,omitempty"`
}
