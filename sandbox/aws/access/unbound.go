package access

import (
	_ "embed"
	"slices"
	"strings"
)

// unboundText lists the actions without resource-level permissions, one a line, for the services
// that Perch uses.
//
//go:embed unbound.txt
var unboundText string

var unbound = func() []string {
	lines := slices.DeleteFunc(strings.Split(unboundText, "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "#")
	})
	for i, line := range lines {
		lines[i] = strings.ToLower(line)
	}
	slices.Sort(lines)
	return lines
}()

// Unbound reports whether an action has no resource-level permissions, so that only the resource
// `*` matches it.
func Unbound(action string) bool {
	_, found := slices.BinarySearch(unbound, strings.ToLower(action))
	return found
}
