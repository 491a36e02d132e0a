package config

import (
	"fmt"
	"slices"
	"strings"

	"perch"
	"perch/document"
)

// Layers are the settings as the file writes them, by the branches that they are for.
type Layers struct {
	// Defaults is the layer of every environment.
	Defaults Layer `yaml:"defaults,omitempty" jsonschema:"nullable"`
	// Kinds are the layers of the environments of one kind.
	Kinds map[perch.Kind]Layer `yaml:"kinds,omitempty" jsonschema:"nullable"`
	// Overrides are layers by branch name. Every layer whose name or pattern matches applies, in
	// the order of the file.
	Overrides []Override `yaml:"overrides,omitempty" jsonschema:"nullable"`

	image *document.Node
}

// Layer is a part of the settings. If the file does not have the layer, it is empty.
type Layer struct {
	tree *document.Node
}

// Override is the layer of the branches that match Pattern.
type Override struct {
	Pattern string
	Layer

	at *document.Node
}

// all returns the trees of every layer.
func (l Layers) all() []*document.Node {
	trees := []*document.Node{l.image, l.Defaults.tree}
	for _, kind := range perch.Kinds() {
		trees = append(trees, l.Kinds[kind].tree)
	}
	for _, override := range l.Overrides {
		trees = append(trees, override.tree)
	}
	return trees
}

// of returns the trees of the layers for a kind and, unless branch is empty, of the overrides that
// match it. A later tree overrides an earlier one.
func (l Layers) of(kind perch.Kind, branch string) []*document.Node {
	trees := []*document.Node{l.image, l.Defaults.tree, l.Kinds[kind].tree}
	for _, override := range l.Overrides {
		if branch != "" && perch.MatchBranch(override.Pattern, branch) {
			trees = append(trees, override.tree)
		}
	}
	return slices.DeleteFunc(trees, func(tree *document.Node) bool { return tree == nil })
}

// layer checks one layer, as far as that is possible without the others.
func (d *decoder) layer(path string, n *document.Node) Layer {
	d.settings(path, n)
	return Layer{tree: n.Label(path)}
}

func (d *decoder) overrides(path string, n *document.Node) []Override {
	var overrides []Override
	if !d.is(path, n, document.Mapping) {
		return nil
	}
	for _, e := range n.Entries {
		d.pattern(e.Key)
		if e.Value.Shape != document.Null {
			layer := d.layer(fmt.Sprintf("%s[%q]", path, e.Key.Text), e.Value)
			overrides = append(overrides, Override{Pattern: e.Key.Text, Layer: layer, at: e.Key})
		}
	}
	return overrides
}

// defaultNulls reports null in the lowest layer, where it removes nothing. The author probably
// wanted an empty value.
func (d *decoder) defaultNulls(path string, n *document.Node) {
	instead := map[string]string{"buckets": "{}", "environment": `""`, "secrets": "an ARN", "parameters": `""`}
	for _, e := range n.All() {
		write, ok := instead[e.Key.Text]
		if !ok {
			continue
		}
		for _, below := range e.Value.Entries {
			if below.Value.Shape == document.Null {
				d.Fail(
					below.Key, "%s has no value; write %s",
					strings.Join([]string{path, e.Key.Text, below.Key.Text}, "."), write,
				)
			}
		}
	}
}

func wrap(key string, value *document.Node) *document.Node {
	return &document.Node{
		Shape: document.Mapping, Line: value.Line, Column: value.Column,
		Entries: []document.Entry{{Key: value.Like(key), Value: value}},
	}
}
