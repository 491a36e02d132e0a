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

// File is a perch.yaml that has been read. It is safe for concurrent use.
type File struct {
	// Project is the project's name.
	Project string
	// Image is the Docker image as the file writes it, with {commit} in it.
	Image string
	// Branches says which branches get an environment, and of which kind.
	Branches Branches
	// Seed puts test data into every new environment, in this order.
	Seed []perch.SeedStep

	source    *text
	layers    []layer
	seedNodes []*node
}

// Branches says which branches get an environment, and of which kind.
type Branches struct {
	// Skip are patterns of branches that get nothing; *-no-infra where the file has no such list.
	Skip []string
	// Kinds are in file order; the last that matches a branch decides.
	Kinds []KindRule
}

// KindRule gives branches that match Pattern a kind.
type KindRule struct {
	Pattern string
	Kind    perch.Kind
}

// layer is a part of the settings and the branches it is for.
type layer struct {
	// kind is set for a layer below `kinds`, pattern for one below `overrides`.
	kind    perch.Kind
	pattern string
	tree    *node
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
	d.seedBuckets(f)
	if err := d.err(); err != nil {
		return nil, err
	}
	return f, nil
}

func (d *decoder) file(f *File, root *node) {
	var image, defaults, kinds, overrides []layer
	d.fields("", root,
		field{name: "project", read: d.text(&f.Project, validProject)},
		field{name: "image", read: func(path string, n *node) {
			d.text(&f.Image, validImage)(path, n)
			image = []layer{{tree: wrap("image", n).label(FileName)}}
		}},
		field{name: "branches", read: func(path string, n *node) { d.branches(path, n, &f.Branches) }, empty: true},
		field{name: "defaults", read: func(path string, n *node) {
			d.defaultNulls(path, n)
			defaults = []layer{d.layer(path, n, "", "")}
		}, empty: true},
		field{name: "kinds", read: func(path string, n *node) { kinds = d.kindLayers(path, n) }, empty: true},
		field{name: "overrides", read: func(path string, n *node) { overrides = d.overrideLayers(path, n) }, empty: true},
		field{name: "seed", read: func(path string, n *node) { d.seed(f, path, n) }, empty: true})
	f.layers = slices.Concat(image, defaults, kinds, overrides)
}

func (d *decoder) branches(path string, n *node, to *Branches) {
	d.fields(path, n,
		field{name: "skip", read: d.texts(&to.Skip, validPattern)},
		field{name: "kinds", read: func(path string, n *node) {
			d.each(path, n, func(path string, key, value *node) {
				kind := d.kind(path, value)
				d.pattern(key)
				to.Kinds = append(to.Kinds, KindRule{Pattern: key.text, Kind: kind})
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
		d.fail(key, "this key %s, not %q", problem, key.text)
	}
}

// layer checks a part of the settings for itself, as far as a part can be.
func (d *decoder) layer(path string, n *node, kind perch.Kind, pattern string) layer {
	d.settings(path, n)
	return layer{kind: kind, pattern: pattern, tree: n.label(path)}
}

func (d *decoder) kindLayers(path string, n *node) []layer {
	var layers []layer
	var known []field
	for _, kind := range perch.Kinds() {
		known = append(known, field{name: string(kind), read: func(path string, n *node) {
			layers = append(layers, d.layer(path, n, kind, ""))
		}, empty: true})
	}
	d.fields(path, n, known...)
	return layers
}

func (d *decoder) overrideLayers(path string, n *node) []layer {
	var layers []layer
	d.each(path, n, func(_ string, key, value *node) {
		d.pattern(key)
		if value.shape != null {
			layers = append(layers, d.layer(fmt.Sprintf("%s[%q]", path, key.text), value, "", key.text))
		}
	})
	return layers
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
