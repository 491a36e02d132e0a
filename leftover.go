package perch

import (
	"strings"
	"time"
)

// Leftover is what a removal could not delete of an environment. It is recorded until it is seen to be gone.
type Leftover struct {
	// Branch is the environment's branch, Stack the name and StackID the id of its deleted stack.
	Branch  string `json:"branch"`
	Stack   string `json:"stack"`
	StackID string `json:"stack_id"`
	// Resources name each resource with its type; empty if the removal was never verified.
	Resources []string `json:"resources"`
	// Since is when the removal began, in UTC.
	Since time.Time `json:"since"`
}

// Sentence says what is left and what to do.
func (l Leftover) Sentence() string {
	if len(l.Resources) == 0 {
		return "the removal of stack " + l.StackID + " began " + l.Since.UTC().Format(time.RFC3339) +
			" and was never verified; run `starter down " + l.Branch + "` to finish it"
	}
	return "the removal of stack " + l.StackID + " left " + strings.Join(l.Resources, ", ") +
		"; fix the cause and run `starter down " + l.Branch + "` again, or delete it by hand"
}
