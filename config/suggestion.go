package config

import (
	"fmt"

	"perch/document"
)

// suggestion is the known name that the author may have meant by unknown.
func suggestion(unknown string, names []string) string {
	for _, name := range names {
		if len(unknown) < 40 && document.Distance(unknown, name) <= min(2, len(name)/3) {
			return fmt.Sprintf(" (did you mean %q?)", name)
		}
	}
	return ""
}
