package config

import "fmt"

type shape int

const (
	null shape = iota
	scalar
	sequence
	mapping
)

func (s shape) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[s]
}

// node is a value of a file that remembers where it stands.
type node struct {
	shape shape
	// text is a scalar's text as it is written, quotes resolved; quoted text is never a number or true or false.
	text   string
	quoted bool
	// entries are a mapping's in file order, each key once.
	entries []entry
	items   []*node
	// line and column count from 1; both are 0 in the built-in layer.
	line, column int
	// layer is the layer of settings that the value belongs to; empty outside of layers.
	layer string
}

type entry struct {
	key, value *node
}

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

// at follows keys down; it is the deepest node that is there, so that a problem always has a place.
func (n *node) at(keys ...string) *node {
	for _, key := range keys {
		child := n.get(key)
		if child == nil {
			return n
		}
		n = child
	}
	return n
}

// label says of a whole tree which layer it is.
func (n *node) label(layer string) *node {
	n.layer = layer
	for _, e := range n.entries {
		e.value.label(layer)
	}
	for _, item := range n.items {
		item.label(layer)
	}
	return n
}

// origin says where the value comes from, as people read it.
func (n *node) origin() string {
	if n.line == 0 {
		return n.layer
	}
	return fmt.Sprintf("%s, line %d", n.layer, n.line)
}

// merge lays over on top of base: mappings merge by key, everything else replaces, and null removes. Neither tree is changed.
func merge(base, over *node) *node {
	if over.shape != mapping {
		return over
	}
	merged := &node{shape: mapping, line: over.line, column: over.column, layer: over.layer}
	if base != nil && base.shape == mapping {
		for _, e := range base.entries {
			if over.get(e.key.text) == nil {
				merged.entries = append(merged.entries, e)
			}
		}
	} else {
		base = nil
	}
	for _, e := range over.entries {
		if e.value.shape != null {
			merged.entries = append(merged.entries, entry{key: e.key, value: merge(base.get(e.key.text), e.value)})
		}
	}
	return merged
}

// leaves calls visit with the dotted path of every value that has none below it.
func (n *node) leaves(path string, visit func(path string, leaf *node)) {
	if n.shape != mapping || len(n.entries) == 0 {
		if path != "" {
			visit(path, n)
		}
		return
	}
	for _, e := range n.entries {
		below := e.key.text
		if path != "" {
			below = path + "." + below
		}
		e.value.leaves(below, visit)
	}
}
