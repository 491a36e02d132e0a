package custom

import (
	"strings"

	"perch/document"
)

// function returns the name and the argument of an intrinsic function; empty if n is not one.
func function(n *document.Node) (name string, argument *document.Node) {
	if n != nil && n.Shape == document.Mapping && len(n.Entries) == 1 {
		if key := n.Entries[0].Key.Text; key == "Ref" || key == "Condition" || strings.HasPrefix(key, "Fn::") {
			return key, n.Entries[0].Value
		}
	}
	return "", nil
}
