package perch

import (
	"strings"
	"time"
)

// Leftover is what a removal could not delete of an environment. The card names it until a check
// finds it deleted.
type Leftover struct {
	// Branch is the environment's branch, Stack the name and StackID the id of its deleted stack.
	Branch  string `json:"branch"`
	Stack   string `json:"stack"`
	StackID string `json:"stack_id"`
	// Resources name each resource with its type; empty if no check followed the removal. Lists for
	// people name only the first ones, and say last how many more there are.
	Resources []string `json:"resources"`
	// Since is when the removal began, in UTC.
	Since time.Time `json:"since"`
	// Again says that the branch has an environment again, which `perch down` would remove.
	Again bool `json:"again,omitempty"`
}

// Sentence says what is left and what to do.
func (l Leftover) Sentence() string {
	removal, finish := "the removal of stack "+l.StackID, "run `perch down "+l.Branch+"`"
	switch {
	case len(l.Resources) == 0 && l.Again:
		return removal + " began " + l.Since.UTC().Format(time.RFC3339) +
			" and was never verified; `perch cleanup` verifies it. Do not " + finish +
			": the branch has an environment again"
	case len(l.Resources) == 0:
		return removal + " began " + l.Since.UTC().Format(time.RFC3339) + " and was never verified; " +
			finish + " to finish it"
	case l.Again:
		return removal + " left " + strings.Join(l.Resources, ", ") +
			"; delete it by hand, or fix the cause. Do not " + finish + " for that: the branch has an environment again"
	}
	return removal + " left " + strings.Join(l.Resources, ", ") + "; fix the cause and " + finish +
		" again, or delete it by hand"
}
