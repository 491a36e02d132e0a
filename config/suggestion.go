package config

import (
	"fmt"

	"perch/document"
)

// suggestion returns the known name that the author may have meant by unknown, for a message; empty
// if there is none.
func suggestion(unknown string, names []string) string {
	if name := Nearest(unknown, names); name != "" {
		return fmt.Sprintf(" (did you mean %q?)", name)
	}
	return ""
}

// Nearest returns the first of names that differs from unknown in a letter or two, as a mistyped
// one does; empty if there is none.
func Nearest(unknown string, names []string) string {
	for _, name := range names {
		if len(unknown) < longestMistyped && document.Distance(unknown, name) <= min(2, len(name)/3) {
			return name
		}
	}
	return ""
}

// longestMistyped is the length of the longest name, in bytes, that is compared with others.
const longestMistyped = 100
