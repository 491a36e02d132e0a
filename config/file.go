// Package config reads perch.yaml and the worker's policy file: strictly, with every problem at once and the line it stands on. It merges the
// layers of settings, remembers where each value came from, and holds requests against the policy. It does no I/O.
package config

import (
	"fmt"
	"slices"
	"strings"

	"perch"
)

// FileName is where perch.yaml stands in a repository: in its root.
const FileName = "perch.yaml"

// File is a perch.yaml that has been read. It is safe for concurrent use. As in perch.Settings, the comments of the fields are what users read.
type File struct {
	// Project is the name of the project. AWS names begin with it, and the worker listens on the task queue `perch-PROJECT`.
	Project string `yaml:"project" jsonschema:"format=project"`
	// Image is the Docker image that runs; `{commit}` becomes the full commit. CI pushes the image before it calls `starter up`.
	Image string `yaml:"image" jsonschema:"format=image"`
	// Branches says which branches get an environment, and of which kind.
	Branches Branches `yaml:"branches,omitempty" jsonschema:"nullable"`
	Layers
	// Seed puts test data into every new environment, in this order.
	Seed []perch.SeedStep `yaml:"seed,omitempty" jsonschema:"nullable"`

	source    *text
	seedNodes []*node
}

// Branches says which branches get an environment, and of which kind.
type Branches struct {
	// Skip are the branches that get nothing. A list of your own replaces the default.
	Skip []string `yaml:"skip,omitempty" jsonschema:"format=branch pattern,default=*-no-infra"`
	// Kinds gives branches their kind. The last pattern that matches decides; a branch that none matches is of kind `branch`.
	Kinds []KindRule `yaml:"kinds,omitempty" jsonschema:"nullable"`
}

// KindRule gives branches that match Pattern a kind.
type KindRule struct {
	Pattern string
	Kind    perch.Kind

	at *node
}

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

// DefaultSkip are the patterns of branches that get no environment where perch.yaml does not say.
func DefaultSkip() []string { return []string{"*-no-infra"} }

// Read reads perch.yaml; name is what messages call the file. The error is Problems or a *Problem.
func Read(name string, data []byte) (*File, error) {
	root, source, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	if root.shape == null {
		return nil, &Problem{File: name, Message: "the file is empty; `starter config init` writes one to begin with"}
	}
	d := &decoder{source: source}
	f := &File{source: source, Branches: Branches{Skip: DefaultSkip()}}
	d.file(f, root)
	for _, key := range []string{"project", "image"} {
		if root.shape == mapping && root.get(key) == nil {
			d.problems = append(d.problems, &Problem{File: name, Message: key + " is missing; add it at the top of the file"})
		}
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	for _, kind := range perch.Kinds() {
		d.whole(d.merged(f, kind, ""))
	}
	d.seedChecks(f)
	d.patterns(f)
	if err := d.err(); err != nil {
		return nil, err
	}
	return f, nil
}

func (d *decoder) file(f *File, root *node) {
	d.fields("", root,
		field{name: "project", read: d.text(&f.Project, validProject)},
		field{name: "image", read: func(path string, n *node) {
			d.text(&f.Image, validImage)(path, n)
			f.image = wrap("image", n).label(FileName)
		}},
		field{name: "branches", read: func(path string, n *node) { d.branches(path, n, &f.Branches) }, empty: true},
		field{name: "defaults", read: func(path string, n *node) {
			d.defaultNulls(path, n)
			f.Defaults = d.layer(path, n)
		}, empty: true},
		field{name: "kinds", read: func(path string, n *node) { d.kindLayers(f, path, n) }, empty: true},
		field{name: "overrides", read: func(path string, n *node) { d.overrideLayers(f, path, n) }, empty: true},
		field{name: "seed", read: func(path string, n *node) { d.seed(f, path, n) }, empty: true})
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

func (d *decoder) branches(path string, n *node, to *Branches) {
	d.fields(path, n,
		field{name: "skip", read: d.texts(&to.Skip, validPattern)},
		field{name: "kinds", read: func(path string, n *node) {
			d.each(path, n, func(path string, key, value *node) {
				kind := d.kind(path, value)
				d.pattern(key)
				to.Kinds = append(to.Kinds, KindRule{Pattern: key.text, Kind: kind, at: key})
			})
		}, empty: true})
}

func (d *decoder) kind(path string, n *node) perch.Kind {
	var kind string
	d.text(&kind, oneOf(kindNames()...))(path, n)
	return perch.Kind(kind)
}

func kindNames() []string {
	var names []string
	for _, kind := range perch.Kinds() {
		names = append(names, string(kind))
	}
	return names
}

func (d *decoder) pattern(key *node) {
	if problem := validPattern(key.text); problem != "" {
		d.fail(key, "this key %s, not %s", problem, key.shown())
	}
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

// defaultNulls refuses null where it would remove what no layer below has: somebody meant an empty value.
func (d *decoder) defaultNulls(path string, n *node) {
	instead := map[string]string{"buckets": "{}", "environment": `""`, "secrets": "an ARN"}
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
