package perch

import "time"

// NoteKind is the kind of a note.
type NoteKind string

// The kinds of notes.
const (
	// NoteReport says that a report has not been delivered: the run delivers it now.
	NoteReport NoteKind = "report"
	// NotePullRequest says that a pull request of the branch was opened, closed, or changed its
	// title.
	NotePullRequest NoteKind = "pull_request"
	// NoteLeftovers says that the card may name leftovers that are gone: the run compares it with
	// what exists.
	NoteLeftovers NoteKind = "leftovers"
	// NoteExtend, NotePin and NoteUnpin keep an environment from expiry, or no longer do.
	NoteExtend NoteKind = "extend"
	NotePin    NoteKind = "pin"
	NoteUnpin  NoteKind = "unpin"
	// NoteWarn says that the environment expires: the run warns people.
	NoteWarn NoteKind = "warn"
)

// Note is a message from outside the environment's run that changes the environment's card. It
// supersedes no request, and no request supersedes it: the open run takes it, or a short run if
// none is open.
type Note struct {
	// ID makes a repeat of the note harmless.
	ID   string   `json:"id"`
	Kind NoteKind `json:"kind"`
	// Project and Branch name the environment.
	Project string `json:"project"`
	Branch  string `json:"branch"`
	// By says who sends it: `sweep`, `cleanup`, `webhook:LOGIN`, `jane@laptop`.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// State is how the environment's latest run ended, if the run itself could not report it; nil
	// otherwise.
	State *CardState `json:"state,omitempty"`
	// StackID is the environment that NoteExtend, NotePin, NoteUnpin and NoteWarn are about.
	StackID string `json:"stack_id,omitempty"`
	// Created is when that stack was created, in UTC.
	Created time.Time `json:"created,omitzero"`
	// Reason is why it is pinned.
	Reason string `json:"reason,omitempty"`
	// PullRequest is the number of the pull request whose label pins it, or no longer does; 0 if a
	// person asks.
	PullRequest int `json:"pull_request,omitempty"`
	// Until is when the pin or the extension ends, in UTC. An extension may instead say in Longer
	// how much longer the environment lives; without both, perch.yaml says how long.
	Until  time.Time `json:"until,omitzero"`
	Longer Hours     `json:"longer,omitempty"`
	// Warning is the warning of NoteWarn.
	Warning *ExpiryWarning `json:"warning,omitempty"`
}

// NoteAnswer is the answer to a note.
type NoteAnswer struct {
	// ID is the note's.
	ID string `json:"id"`
	// Rejection is why it changed nothing; empty if it was entered.
	Rejection string `json:"rejection,omitempty"`
}
