package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"perch"
)

// BuiltIn is what Origins calls the layer of values that perch.yaml does not set.
const BuiltIn = "built-in"

// builtIn completes the smallest file; builtInDatabase completes a database where a layer has one, and dearDatabases stand over it for kinds
// whose data is dear.
var (
	builtIn = sync.OnceValue(func() *node {
		return builtInTree(
			"image_wait: 15m\nplatform: docker\ninstance_type: t3.small\ninstances: {min: 1, max: 1}\nload_balancer: " +
				"shared\nhealth_path: /\n",
		)
	})
	builtInDatabase = sync.OnceValue(func() *node {
		return builtInTree(
			"mode: own\nengine: postgres\nversion: \"" + perch.DefaultPostgreSQL + "\"\nclass: db.t4g.micro\nstorage_gb: " +
				"20\nmulti_az: false\nbackup_days: 0\n",
		)
	})
	dearDatabases = sync.OnceValue(func() map[perch.Kind]*node {
		return map[perch.Kind]*node{
			perch.KindProduction: builtInTree("multi_az: true\nbackup_days: 14\n"),
			perch.KindStaging:    builtInTree("backup_days: 7\n"),
		}
	})
)

func builtInTree(source string) *node {
	root, _, err := parse(BuiltIn, []byte(source))
	if err != nil {
		panic(err)
	}
	root.label(BuiltIn)
	root.forgetPlace()
	return root
}

// forgetPlace takes the line away: a built-in value stands in no file.
func (n *node) forgetPlace() {
	n.line, n.column = 0, 0
	for _, e := range n.entries {
		e.value.forgetPlace()
	}
}

// Origins says of each value, by its dotted path (database.class), which layer set it: `defaults, line 12`, or `built-in`.
type Origins map[string]string

// Kind is the kind of branch's environment.
func (f *File) Kind(branch string) perch.Kind {
	kind := perch.KindBranch
	for _, rule := range f.Branches.Kinds {
		if perch.MatchBranch(rule.Pattern, branch) {
			kind = rule.Kind
		}
	}
	return kind
}

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Resolve merges the layers that are for branch: built-in, defaults, kinds.<kind>, and the overrides that match, in file order. Mappings merge by
// key, lists and values replace, null removes, and so does the mode none of a database. {commit} in the image becomes commit, 40 hexadecimal digits; an empty commit leaves it as it is.
func (f *File) Resolve(branch, commit string) (perch.Settings, Origins, error) {
	if commit != "" && !fullCommit.MatchString(commit) {
		return perch.Settings{}, nil, fmt.Errorf("resolve settings of branch %q: commit %q is not a full commit of 40 hexadecimal digits", branch, commit)
	}
	d := &decoder{source: f.source}
	settings, tree := d.merged(f, f.Kind(branch), branch)
	d.whole(settings, tree)
	d.backups(f.Kind(branch), settings.Database, tree)
	d.seedTargets(f, settings, branch)
	if err := d.err(); err != nil {
		return perch.Settings{}, nil, err
	}
	if commit != "" {
		settings.Image = strings.ReplaceAll(settings.Image, commitPlaceholder, commit)
	}
	return settings, tree.origins(), nil
}

// ResolveKind merges the layers that all environments of kind have in common: those of Resolve without `overrides`. The image keeps {commit}.
func (f *File) ResolveKind(kind perch.Kind) (perch.Settings, Origins) {
	d := &decoder{source: f.source}
	settings, tree := d.merged(f, kind, "")
	return settings, tree.origins()
}

// Sample is what the settings come out as for some branches.
type Sample struct {
	Kind     perch.Kind
	Settings perch.Settings
	Origins  Origins
}

// Samples are the settings of each kind, and of a branch of each override: together every layer of the file takes part.
func (f *File) Samples() []Sample {
	var samples []Sample
	d := &decoder{source: f.source}
	add := func(kind perch.Kind, branch string) {
		settings, tree := d.merged(f, kind, branch)
		samples = append(samples, Sample{kind, settings, tree.origins()})
	}
	for _, kind := range perch.Kinds() {
		add(kind, "")
	}
	for _, override := range f.Overrides {
		add(f.Kind(override.Pattern), override.Pattern) // A pattern matches itself.
	}
	return samples
}

func (n *node) origins() Origins {
	origins := Origins{}
	n.leaves("", func(path string, leaf *node) { origins[path] = leaf.origin() })
	return origins
}

// merged merges the layers for a kind and, unless branch is empty, the overrides that match it.
func (d *decoder) merged(f *File, kind perch.Kind, branch string) (perch.Settings, *node) {
	tree := merge(nil, builtIn())
	for _, layer := range f.of(kind, branch) {
		tree = merge(tree, layer)
	}
	if mode := tree.get("database").get("mode"); mode != nil && mode.text == perch.DatabaseNone {
		tree.remove("database")
	}
	tree.complete("database", func(database *node) *node {
		base := builtInDatabase()
		if dear := dearDatabases()[kind]; dear != nil {
			base = merge(base, dear)
		}
		return merge(base, database)
	})
	tree.complete("buckets", func(buckets *node) *node {
		return buckets.each(func(bucket *node) *node { return merge(builtInBucket(bucket), bucket) })
	})
	return d.settings("", tree), tree
}

// complete puts another value in the place of key's, where there is one. The tree must be the caller's own.
func (n *node) complete(key string, with func(*node) *node) {
	for i, e := range n.entries {
		if e.key.text == key {
			n.entries[i].value = with(e.value)
		}
	}
}

// remove takes a key away. The tree must be the caller's own.
func (n *node) remove(key string) {
	n.entries = slices.DeleteFunc(n.entries, func(e entry) bool { return e.key.text == key })
}

// each is a copy of a mapping with other values.
func (n *node) each(with func(*node) *node) *node {
	other := *n
	other.entries = make([]entry, len(n.entries))
	for i, e := range n.entries {
		other.entries[i] = entry{key: e.key, value: with(e.value)}
	}
	return &other
}

// builtInBucket completes a bucket. It comes from where the bucket is named: a bucket that says nothing is there all the same.
func builtInBucket(bucket *node) *node {
	key := &node{shape: scalar, text: "versioned", line: bucket.line, column: bucket.column, layer: bucket.layer}
	value := *key
	value.text = "false"
	return &node{shape: mapping, line: bucket.line, column: bucket.column, layer: bucket.layer, entries: []entry{{key: key, value: &value}}}
}
