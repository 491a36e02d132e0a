package perch

import "time"

// NoteKind is what a note tells.
type NoteKind string

// The kinds of notes.
const (
	// NoteReport says that a report has not been delivered: it is to be delivered now.
	NoteReport NoteKind = "report"
	// NotePullRequest says that a pull request of the branch was opened, closed, or changed its title.
	NotePullRequest NoteKind = "pull_request"
	// NoteLeftovers says that the card may name leftovers that are gone: it is to be compared with what is there.
	NoteLeftovers NoteKind = "leftovers"
)

// Note is what comes from outside the run that holds an environment's workflow ID and belongs in the environment's card.
// It supersedes no request, and no request supersedes it: the open run takes it, or a short run if none is open.
type Note struct {
	// ID makes a repeat of the note harmless.
	ID   string   `json:"id"`
	Kind NoteKind `json:"kind"`
	// Project and Branch name the environment.
	Project string `json:"project"`
	Branch  string `json:"branch"`
	// By says who sends it: `sweep`, `cleanup`, `webhook:LOGIN`.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// State is how the environment's latest run ended, if the run itself could not report it; nil otherwise.
	State *CardState `json:"state,omitempty"`
}
