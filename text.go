package perch

import (
	"strings"
	"unicode"
)

// ShortCommit is a commit as people write it.
func ShortCommit(commit string) string { return commit[:min(len(commit), 7)] }

// Printable is text that others wrote, such as an error of AWS, in one line and without terminal controls.
func Printable(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
