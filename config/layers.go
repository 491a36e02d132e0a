package config

import (
	"fmt"
	"slices"
	"strings"

	"perch"
)

// Layers are the settings as the file writes them, by the branches that they are for.
type Layers struct {
	// Defaults is the layer of every environment.
	Defaults Layer `yaml:"defaults,omitempty" jsonschema:"nullable"`
	// Kinds are the layers of the environments of one kind.
	Kinds map[perch.Kind]Layer `yaml:"kinds,omitempty" jsonschema:"nullable"`
	// Overrides are layers by branch name. Every one that matches counts, in the order of the file.
	Overrides []Override `yaml:"overrides,omitempty" jsonschema:"nullable"`

	image *node
}

// Layer is a part of the settings; one that the file does not have is empty.
type Layer struct {
	tree *node
}

// Override is the layer of the branches that match Pattern.
type Override struct {
	Pattern string
	Layer

	at *node
}

// all are the trees of every layer.
func (l Layers) all() []*node {
	trees := []*node{l.image, l.Defaults.tree}
	for _, kind := range perch.Kinds() {
		trees = append(trees, l.Kinds[kind].tree)
	}
	for _, override := range l.Overrides {
		trees = append(trees, override.tree)
	}
	return trees
}

// of are the trees of the layers for a kind and, unless branch is empty, of the overrides that match it: the later over the earlier.
func (l Layers) of(kind perch.Kind, branch string) []*node {
	trees := []*node{l.image, l.Defaults.tree, l.Kinds[kind].tree}
	for _, override := range l.Overrides {
		if branch != "" && perch.MatchBranch(override.Pattern, branch) {
			trees = append(trees, override.tree)
		}
	}
	return slices.DeleteFunc(trees, func(tree *node) bool { return tree == nil })
}

// layer checks a part of the settings for itself, as far as a part can be.
func (d *decoder) layer(path string, n *node) Layer {
	d.settings(path, n)
	return Layer{tree: n.label(path)}
}

func (d *decoder) kindLayers(f *File, path string, n *node) {
	f.Kinds = map[perch.Kind]Layer{}
	var known []field
	for _, kind := range perch.Kinds() {
		known = append(known, field{name: string(kind), read: func(path string, n *node) { f.Kinds[kind] = d.layer(path, n) }, empty: true})
	}
	d.fields(path, n, known...)
}

func (d *decoder) overrideLayers(f *File, path string, n *node) {
	d.each(path, n, func(_ string, key, value *node) {
		d.pattern(key)
		if value.shape != null {
			layer := d.layer(fmt.Sprintf("%s[%q]", path, key.text), value)
			f.Overrides = append(f.Overrides, Override{Pattern: key.text, Layer: layer, at: key})
		}
	})
}

// defaultNulls rejects null where it would remove what no layer below has: somebody meant an empty value.
func (d *decoder) defaultNulls(path string, n *node) {
	instead := map[string]string{"buckets": "{}", "environment": `""`, "secrets": "an ARN", "parameters": `""`}
	for _, e := range n.entries {
		write, ok := instead[e.key.text]
		if !ok {
			continue
		}
		for _, below := range e.value.entries {
			if below.value.shape == null {
				d.fail(below.key, "%s has no value; write %s", strings.Join([]string{path, e.key.text, below.key.text}, "."), write)
			}
		}
	}
}

func wrap(key string, value *node) *node {
	return &node{
		shape: mapping, line: value.line, column: value.column,
		entries: []entry{{key: &node{shape: scalar, text: key, line: value.line, column: value.column}, value: value}},
	}
}
