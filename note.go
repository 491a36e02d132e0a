package perch

import "time"

// NoteKind is the kind of a Note.
type NoteKind string

// The kinds of notes.
const (
	// NoteReport means that a report has not been delivered; the run delivers it now.
	NoteReport NoteKind = "report"
	// NotePullRequest means that a pull request of the branch was opened, closed or renamed.
	NotePullRequest NoteKind = "pull_request"
	// NoteLeftovers means that leftovers in the card may have been deleted; the run checks which
	// still exist.
	NoteLeftovers NoteKind = "leftovers"
	// NoteExtend, NotePin and NoteUnpin extend, pin and unpin an environment.
	NoteExtend NoteKind = "extend"
	NotePin    NoteKind = "pin"
	NoteUnpin  NoteKind = "unpin"
	// NoteWarn means that the environment is about to expire; the run warns people.
	NoteWarn NoteKind = "warn"
)

// Note is a message to an environment that changes its card. Notes and requests do not supersede
// each other. The open run receives the note; if none is open, a short run does.
type Note struct {
	// ID makes it harmless to send the note again.
	ID   string   `json:"id"`
	Kind NoteKind `json:"kind"`
	// Project and Branch name the environment.
	Project string `json:"project"`
	Branch  string `json:"branch"`
	// By is the sender: `sweep`, `cleanup`, `webhook:LOGIN`, `jane@laptop`.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// State is the final state of the environment's latest run, if the run could not report it; nil
	// otherwise.
	State *CardState `json:"state,omitempty"`
	// StackID is the stack that NoteExtend, NotePin, NoteUnpin and NoteWarn apply to.
	StackID string `json:"stack_id,omitempty"`
	// Created is when that stack was created, in UTC.
	Created time.Time `json:"created,omitzero"`
	// Reason is the reason for a pin.
	Reason string `json:"reason,omitempty"`
	// PullRequest is the number of the pull request whose label was added or removed; 0 if a person
	// sent the note.
	PullRequest int `json:"pull_request,omitempty"`
	// Until is when the pin or the extension ends, in UTC. An extension may set Longer instead,
	// which adds to the environment's life. If neither is set, perch.yaml determines the length.
	Until  time.Time `json:"until,omitzero"`
	Longer Hours     `json:"longer,omitempty"`
	// Warning is the warning to deliver, for NoteWarn.
	Warning *ExpiryWarning `json:"warning,omitempty"`
}

// NoteAnswer is the answer to a note.
type NoteAnswer struct {
	// ID is the ID of the note.
	ID string `json:"id"`
	// Rejection explains why the note changed nothing; empty if it was accepted.
	Rejection string `json:"rejection,omitempty"`
}
