package own

import (
	"encoding/json"
	"regexp"
	"strings"
)

type shape int

const (
	null shape = iota
	scalar
	list
	object
)

func (s shape) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[s]
}

// node is a value of a template that remembers where it stands. Short tags (!Ref X) are read as their long form ({Ref: X}).
type node struct {
	shape shape
	// text is a scalar's text as it is written; plain text may be a number or a boolean.
	text  string
	plain bool
	// entries are an object's in file order, each key once.
	entries []entry
	items   []*node
	// line and column count from 1.
	line, column int
}

type entry struct{ key, value *node }

func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// under is the scalar below key, empty where there is none.
func (n *node) under(key string) string {
	if value := n.get(key); value != nil && value.shape == scalar {
		return value.text
	}
	return ""
}

// key is the node of a key, for its place; n itself where the key is not there.
func (n *node) key(name string) *node {
	for _, e := range n.entries {
		if e.key.text == name {
			return e.key
		}
	}
	return n
}

func (n *node) names() []string {
	if n == nil {
		return nil
	}
	names := make([]string, 0, len(n.entries))
	for _, e := range n.entries {
		names = append(names, e.key.text)
	}
	return names
}

// walk calls visit for n and everything below it, outermost first.
func (n *node) walk(visit func(*node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, e := range n.entries {
		e.value.walk(visit)
	}
	for _, item := range n.items {
		item.walk(visit)
	}
}

// function is the name and argument of an intrinsic function; empty where n is none.
func (n *node) function() (name string, argument *node) {
	if n != nil && n.shape == object && len(n.entries) == 1 {
		if key := n.entries[0].key.text; key == "Ref" || key == "Condition" || strings.HasPrefix(key, "Fn::") {
			return key, n.entries[0].value
		}
	}
	return "", nil
}

// exactNumber is a number whose text JSON keeps: 0123 and 1.10 are texts, as somebody meant them.
var exactNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,15})(\.[0-9]*[1-9])?$`)

// value is n as JSON has it. Whatever is not plainly a number or a boolean stays the text that it is.
func (n *node) value() any {
	switch n.shape {
	case object:
		members := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			members[e.key.text] = e.value.value()
		}
		return members
	case list:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = item.value()
		}
		return items
	case null:
		return nil
	}
	switch lower := strings.ToLower(n.text); {
	case n.plain && (lower == "true" || lower == "false"):
		return lower == "true"
	case n.plain && exactNumber.MatchString(n.text):
		return json.Number(n.text)
	}
	return n.text
}
