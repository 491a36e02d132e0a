package document

import (
	"encoding/json"
	"regexp"
	"strings"
)

// exactNumber is a number whose text JSON keeps: 0123 and 1.10 are texts, as their author meant
// them.
var exactNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,15})(\.[0-9]*[1-9])?$`)

// Value is n as JSON has it. What is not plainly a number or a boolean stays the text that it is.
func (n *Node) Value() any {
	switch n.Shape {
	case Mapping:
		members := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			members[e.Key.Text] = e.Value.Value()
		}
		return members
	case List:
		items := make([]any, len(n.Items))
		for i, item := range n.Items {
			items[i] = item.Value()
		}
		return items
	case Null:
		return nil
	}
	switch lower := strings.ToLower(n.Text); {
	case !n.Quoted && (lower == "true" || lower == "false"):
		return lower == "true"
	case !n.Quoted && exactNumber.MatchString(n.Text):
		return json.Number(n.Text)
	}
	return n.Text
}
