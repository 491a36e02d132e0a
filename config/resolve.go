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

// BuiltIn is the name in Origins of the layer with the values that perch.yaml does not set.
const BuiltIn = "built-in"

// builtIn completes the smallest file, builtInDatabase a database, and builtInExpiry an expiry,
// with the defaults in the tags. kindDatabases override them for kinds whose data is valuable.
var (
	builtIn         = sync.OnceValue(func() *document.Node { return builtInTree(reflect.TypeFor[perch.Settings]()) })
	builtInDatabase = sync.OnceValue(func() *document.Node { return builtInTree(reflect.TypeFor[perch.Database]()) })
	builtInExpiry   = sync.OnceValue(func() *document.Node { return builtInTree(reflect.TypeFor[perch.Expiry]()) })
	kindDatabases   = map[perch.Kind]*document.Node{
		perch.KindProduction: builtInValues("multi_az", "true", "backup_days", "14"),
		perch.KindStaging:    builtInValues("backup_days", "7"),
	}
)

// builtInTree returns the defaults of a struct. It leaves out what may be null, because that exists
// only if a layer has it.
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

// builtInValues returns a mapping. words are keys and values by turns.
func builtInValues(words ...string) *document.Node {
	tree := &document.Node{Shape: document.Mapping, Layer: BuiltIn}
	for pair := range slices.Chunk(words, 2) {
		value := &document.Node{Shape: document.Scalar, Text: pair[1], Layer: BuiltIn}
		tree.Entries = append(tree.Entries, document.Entry{Key: tree.Like(pair[0]), Value: value})
	}
	return tree
}

// Origins says for each value, by its dotted path (database.class), which layer set it: `defaults,
// line 12`, or `built-in`.
type Origins map[string]string

// Kind returns the kind of branch's environment.
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

// Resolve merges the layers for branch: built-in, defaults, kinds.<kind>, and the overrides that
// match, in file order. A later layer overrides an earlier one. Mappings are merged by key, and
// lists and values are replaced. Null removes a value, and so does the mode none of a database.
// {commit} in the image is replaced with commit, which has 40 hexadecimal digits. If commit is
// empty, {commit} stays.
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
// except `overrides`. {commit} stays in the image.
func (f *File) ResolveKind(kind perch.Kind) (perch.Settings, Origins) {
	d := newDecoder(f.source)
	settings, tree := d.merged(f, kind, "")
	return settings, originsOf(tree)
}

// Sample is the settings for some branches.
type Sample struct {
	Kind     perch.Kind
	Settings perch.Settings
	Origins  Origins
}

// Origin returns the layer that set the value with a dotted path.
func (s Sample) Origin(path string) string { return s.Origins[path] }

// Samples returns the settings of each kind, and of a branch for each override. Together they use
// every layer of the file.
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
		add(f.Kind(override.Pattern), override.Pattern) // The pattern serves as a branch: it matches itself.
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

// complete replaces the value of a key, if the tree has the key. The tree must not be shared.
func complete(n *document.Node, key string, with func(*document.Node) *document.Node) {
	for i, e := range n.Entries {
		if e.Key.Text == key {
			n.Entries[i].Value = with(e.Value)
		}
	}
}

// remove removes a key. The tree must not be shared.
func remove(n *document.Node, key string) {
	n.Entries = slices.DeleteFunc(n.Entries, func(e document.Entry) bool { return e.Key.Text == key })
}

// eachValue returns a copy of a mapping with other values.
func eachValue(n *document.Node, with func(*document.Node) *document.Node) *document.Node {
	other := *n
	other.Entries = make([]document.Entry, len(n.Entries))
	for i, e := range n.Entries {
		other.Entries[i] = document.Entry{Key: e.Key, Value: with(e.Value)}
	}
	return &other
}

// builtInBucket completes a bucket. Its values have the line of the bucket's name as their origin,
// because a bucket without keys is allowed, too.
func builtInBucket(bucket *document.Node) *document.Node {
	tree := builtInTree(reflect.TypeFor[perch.Bucket]())
	tree.Walk(func(n *document.Node) { n.Line, n.Column, n.Layer = bucket.Line, bucket.Column, bucket.Layer })
	return tree
}
