package document

import "fmt"

// Shape is what kind of value a node is.
type Shape int

// The shapes.
const (
	Null Shape = iota
	Scalar
	List
	Mapping
)

func (s Shape) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[s]
}

// Node is a value of a file that remembers its place.
type Node struct {
	Shape Shape
	// Text is a scalar's text as it is written, with quotes resolved. Quoted text is never a number
	// or true or false.
	Text   string
	Quoted bool
	// Entries are a mapping's in file order, each key once.
	Entries []Entry
	Items   []*Node
	// Line and Column count from 1; both are 0 for a value that is in no file.
	Line, Column int
	// Layer names the tree that the value belongs to, if the caller has several: see Label.
	Layer string
}

// Entry is a key of a mapping and its value.
type Entry struct{ Key, Value *Node }

// Get is the value of a key; nil if n has none or is not a mapping.
func (n *Node) Get(key string) *Node {
	for _, e := range n.All() {
		if e.Key.Text == key {
			return e.Value
		}
	}
	return nil
}

// All are the entries of a node that may be nil.
func (n *Node) All() []Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

// At follows keys down to the deepest node that exists, so that a problem always has a place.
func (n *Node) At(keys ...string) *Node {
	for _, key := range keys {
		child := n.Get(key)
		if child == nil {
			return n
		}
		n = child
	}
	return n
}

// Under is the scalar below key, empty if there is none.
func (n *Node) Under(key string) string {
	if value := n.Get(key); value != nil && value.Shape == Scalar {
		return value.Text
	}
	return ""
}

// KeyNode is the node of a key, for its place; n itself if the key does not exist.
func (n *Node) KeyNode(name string) *Node {
	for _, e := range n.Entries {
		if e.Key.Text == name {
			return e.Key
		}
	}
	return n
}

// Names are the keys of a mapping.
func (n *Node) Names() []string {
	var names []string
	for _, e := range n.All() {
		names = append(names, e.Key.Text)
	}
	return names
}

// Like is a quoted text at n's place.
func (n *Node) Like(text string) *Node {
	return &Node{Shape: Scalar, Text: text, Quoted: true, Line: n.Line, Column: n.Column, Layer: n.Layer}
}

// Walk calls visit for n and everything below it, outermost first.
func (n *Node) Walk(visit func(*Node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, e := range n.Entries {
		e.Value.Walk(visit)
	}
	for _, item := range n.Items {
		item.Walk(visit)
	}
}

// Leaves calls visit with the dotted path of every value that has none below it.
func (n *Node) Leaves(path string, visit func(path string, leaf *Node)) {
	if n.Shape != Mapping || len(n.Entries) == 0 {
		if path != "" {
			visit(path, n)
		}
		return
	}
	for _, e := range n.Entries {
		e.Value.Leaves(Join(path, e.Key.Text), visit)
	}
}

// Join adds a key to a dotted path.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Label writes into a whole tree which layer it is.
func (n *Node) Label(layer string) *Node {
	n.Walk(func(n *Node) { n.Layer = layer })
	return n
}

// Origin says where the value comes from, as people read it.
func (n *Node) Origin() string {
	if n.Line == 0 {
		return n.Layer
	}
	return fmt.Sprintf("%s, line %d", n.Layer, n.Line)
}

// Merge lays over on top of base: mappings merge by key, everything else replaces, and null
// removes. Neither tree is changed.
func Merge(base, over *Node) *Node {
	if over.Shape != Mapping {
		return over
	}
	merged := &Node{Shape: Mapping, Line: over.Line, Column: over.Column, Layer: over.Layer}
	if base != nil && base.Shape == Mapping {
		for _, e := range base.Entries {
			if over.Get(e.Key.Text) == nil {
				merged.Entries = append(merged.Entries, e)
			}
		}
	} else {
		base = nil
	}
	for _, e := range over.Entries {
		if e.Value.Shape != Null {
			merged.Entries = append(merged.Entries, Entry{Key: e.Key, Value: Merge(base.Get(e.Key.Text), e.Value)})
		}
	}
	return merged
}
