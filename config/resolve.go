package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"perch"
	"perch/document"
)

// BuiltIn is what Origins calls the layer of values that perch.yaml does not set.
const BuiltIn = "built-in"

// builtIn completes the smallest file, builtInDatabase a database and builtInExpiry an expiry, by
// the defaults of the tags. kindDatabases are laid over it for kinds whose data is valuable.
var (
	builtIn         = sync.OnceValue(func() *document.Node { return builtInTree(reflect.TypeFor[perch.Settings]()) })
	builtInDatabase = sync.OnceValue(func() *document.Node { return builtInTree(reflect.TypeFor[perch.Database]()) })
	builtInExpiry   = sync.OnceValue(func() *document.Node { return builtInTree(reflect.TypeFor[perch.Expiry]()) })
	kindDatabases   = map[perch.Kind]*document.Node{
		perch.KindProduction: builtInValues("multi_az", "true", "backup_days", "14"),
		perch.KindStaging:    builtInValues("backup_days", "7"),
	}
)

// builtInTree has the defaults of a struct. What may be null exists only if a layer has it.
func builtInTree(of reflect.Type) *document.Node {
	tree := builtInValues()
	for _, k := range keysOf(of) {
		if field := of.FieldByIndex(k.index).Type; field.Kind() == reflect.Struct {
			tree.Entries = append(tree.Entries, document.Entry{Key: tree.Like(k.name), Value: builtInTree(field)})
		} else if text, ok := k.rules["default"]; ok && !k.nullable {
			tree.Entries = append(tree.Entries, builtInValues(k.name, text[0]).Entries...)
		}
	}
	return tree
}

// builtInValues is a mapping of keys and values, which follow each other.
func builtInValues(words ...string) *document.Node {
	tree := &document.Node{Shape: document.Mapping, Layer: BuiltIn}
	for pair := range slices.Chunk(words, 2) {
		value := &document.Node{Shape: document.Scalar, Text: pair[1], Layer: BuiltIn}
		tree.Entries = append(tree.Entries, document.Entry{Key: tree.Like(pair[0]), Value: value})
	}
	return tree
}

// Origins says of each value, by its dotted path (database.class), which layer set it: `defaults,
// line 12`, or `built-in`.
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

// Resolve merges the layers that are for branch: built-in, defaults, kinds.<kind>, and the
// overrides that match, in file order. Mappings merge by key, lists and values replace, null
// removes, and so does the mode none of a database. {commit} in the image becomes commit, 40
// hexadecimal digits; an empty commit leaves it as it is.
func (f *File) Resolve(branch, commit string) (perch.Settings, Origins, error) {
	if commit != "" && !fullCommit.MatchString(commit) {
		return perch.Settings{}, nil, fmt.Errorf(
			"resolve settings of branch %q: commit %q is not a full commit of 40 hexadecimal digits", branch, commit,
		)
	}
	d := newDecoder(f.source)
	settings, tree := d.merged(f, f.Kind(branch), branch)
	d.whole(settings, tree)
	d.backups(f.Kind(branch), settings.Database, tree)
	d.seedTargets(f, settings, branch)
	if err := d.Err(); err != nil {
		return perch.Settings{}, nil, err
	}
	if commit != "" {
		settings.Image = strings.ReplaceAll(settings.Image, commitPlaceholder, commit)
	}
	return settings, originsOf(tree), nil
}

// ResolveKind merges the layers that all environments of kind have in common: those of Resolve
// without `overrides`. The image keeps {commit}.
func (f *File) ResolveKind(kind perch.Kind) (perch.Settings, Origins) {
	d := newDecoder(f.source)
	settings, tree := d.merged(f, kind, "")
	return settings, originsOf(tree)
}

// Sample is what the settings come out as for some branches.
type Sample struct {
	Kind     perch.Kind
	Settings perch.Settings
	Origins  Origins
}

// Origin is the layer that set the value of a dotted path.
func (s Sample) Origin(path string) string { return s.Origins[path] }

// Samples are the settings of each kind, and of a branch of each override: together every layer of
// the file takes part.
func (f *File) Samples() []Sample {
	var samples []Sample
	d := newDecoder(f.source)
	add := func(kind perch.Kind, branch string) {
		settings, tree := d.merged(f, kind, branch)
		samples = append(samples, Sample{kind, settings, originsOf(tree)})
	}
	for _, kind := range perch.Kinds() {
		add(kind, "")
	}
	for _, override := range f.Overrides {
		add(f.Kind(override.Pattern), override.Pattern) // A pattern matches itself.
	}
	return samples
}

func originsOf(n *document.Node) Origins {
	origins := Origins{}
	n.Leaves("", func(path string, leaf *document.Node) { origins[path] = leaf.Origin() })
	return origins
}

// merged merges the layers for a kind and, unless branch is empty, the overrides that match it.
func (d *decoder) merged(f *File, kind perch.Kind, branch string) (perch.Settings, *document.Node) {
	tree := document.Merge(nil, builtIn())
	for _, layer := range f.of(kind, branch) {
		tree = document.Merge(tree, layer)
	}
	if mode := tree.Get("database").Get("mode"); mode != nil && mode.Text == perch.DatabaseNone {
		remove(tree, "database")
	}
	complete(tree, "database", func(database *document.Node) *document.Node {
		base := builtInDatabase()
		if valuable := kindDatabases[kind]; valuable != nil {
			base = document.Merge(base, valuable)
		}
		return document.Merge(base, database)
	})
	complete(
		tree, "expiry", func(expiry *document.Node) *document.Node { return document.Merge(builtInExpiry(), expiry) },
	)
	complete(tree, "buckets", func(buckets *document.Node) *document.Node {
		return eachValue(
			buckets,
			func(bucket *document.Node) *document.Node { return document.Merge(builtInBucket(bucket), bucket) },
		)
	})
	return d.settings("", tree), tree
}

// complete puts another value in the place of key's, where there is one. The tree must be the
// caller's own.
func complete(n *document.Node, key string, with func(*document.Node) *document.Node) {
	for i, e := range n.Entries {
		if e.Key.Text == key {
			n.Entries[i].Value = with(e.Value)
		}
	}
}

// remove takes a key away. The tree must be the caller's own.
func remove(n *document.Node, key string) {
	n.Entries = slices.DeleteFunc(n.Entries, func(e document.Entry) bool { return e.Key.Text == key })
}

// each is a copy of a mapping with other values.
func eachValue(n *document.Node, with func(*document.Node) *document.Node) *document.Node {
	other := *n
	other.Entries = make([]document.Entry, len(n.Entries))
	for i, e := range n.Entries {
		other.Entries[i] = document.Entry{Key: e.Key, Value: with(e.Value)}
	}
	return &other
}

// builtInBucket completes a bucket. Its values come from the place that names the bucket: a bucket
// without keys exists, too.
func builtInBucket(bucket *document.Node) *document.Node {
	tree := builtInTree(reflect.TypeFor[perch.Bucket]())
	tree.Walk(func(n *document.Node) { n.Line, n.Column, n.Layer = bucket.Line, bucket.Column, bucket.Layer })
	return tree
}
