package perch

import (
	"strings"
	"time"
)

// Leftover names the resources of an environment that a removal could not delete. The card keeps
// them until a check confirms that they are deleted.
type Leftover struct {
	// Branch is the environment's branch. Stack is the name of its deleted stack, and StackID that
	// stack's id.
	Branch  string `json:"branch"`
	Stack   string `json:"stack"`
	StackID string `json:"stack_id"`
	// Resources lists each resource with its type. It is empty if the removal was not followed by a
	// check. Lists for people have only the first few, and a last entry that counts the rest.
	Resources []string `json:"resources"`
	// Since is when the removal began, in UTC.
	Since time.Time `json:"since"`
	// Again means that the branch has a new environment, which `perch down` would also remove.
	Again bool `json:"again,omitempty"`
}

// Sentence says what still exists and what to do.
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
