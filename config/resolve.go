package config

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"perch"
)

// builtInLayer is what Origins calls values that perch.yaml does not set.
const builtInLayer = "built-in"

// builtIn completes the smallest file; builtInDatabase completes a database where a layer has one.
var (
	builtIn = sync.OnceValue(func() *node {
		return builtInTree("platform: docker\ninstance_type: t3.small\ninstances: {min: 1, max: 1}\nload_balancer: shared\nhealth_path: /\n")
	})
	builtInDatabase = sync.OnceValue(func() *node {
		return builtInTree("engine: postgres\nversion: \"16\"\nclass: db.t4g.micro\nstorage_gb: 20\nmulti_az: false\nbackup_days: 0\n")
	})
)

func builtInTree(source string) *node {
	root, _, err := parse(builtInLayer, []byte(source))
	if err != nil {
		panic(err)
	}
	root.label(builtInLayer)
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

// Skip reports whether branch gets no environment, and by which pattern.
func (f *File) Skip(branch string) (pattern string, ok bool) {
	return perch.MatchAny(f.Branches.Skip, branch)
}

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Resolve merges the layers that are for branch: built-in, defaults, kinds.<kind>, and the overrides that match, in file order. Mappings merge by
// key, lists and values replace, null removes. {commit} in the image becomes commit, 40 hexadecimal digits; an empty commit leaves it as it is.
func (f *File) Resolve(branch, commit string) (perch.Settings, Origins, error) {
	if commit != "" && !fullCommit.MatchString(commit) {
		return perch.Settings{}, nil, fmt.Errorf("resolve settings of branch %q: commit %q is not a full commit of 40 hexadecimal digits", branch, commit)
	}
	d := &decoder{source: f.source}
	settings, tree := d.merged(f, f.Kind(branch), branch)
	d.whole(settings, tree)
	d.seedTargets(f, settings, branch)
	if err := d.err(); err != nil {
		return perch.Settings{}, nil, err
	}
	origins := Origins{}
	tree.leaves("", func(path string, leaf *node) { origins[path] = leaf.origin() })
	if commit != "" {
		settings.Image = strings.ReplaceAll(settings.Image, commitPlaceholder, commit)
	}
	return settings, origins, nil
}

// merged merges the layers for a kind and, unless branch is empty, the overrides that match it.
func (d *decoder) merged(f *File, kind perch.Kind, branch string) (perch.Settings, *node) {
	tree := merge(nil, builtIn())
	for _, l := range f.layers {
		if (l.kind == "" || l.kind == kind) && (l.pattern == "" || branch != "" && perch.MatchBranch(l.pattern, branch)) {
			tree = merge(tree, l.tree)
		}
	}
	if database := tree.get("database"); database != nil {
		for i, e := range tree.entries {
			if e.key.text == "database" {
				tree.entries[i].value = merge(builtInDatabase(), database)
			}
		}
	}
	return d.settings("", tree), tree
}
