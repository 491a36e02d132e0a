// Package config reads perch.yaml and the worker's policy file strictly: it reports all problems at
// once, each with its line. It merges the layers of settings, and remembers where each value comes
// from. It does no I/O.
package config

import (
	"reflect"

	"perch"

	"perch/document"
)

// MaxFile is the size of the largest file that is read, in bytes.
const MaxFile = 256 << 10

// limits are enough for files that people write. A larger file must be a generated one, and merging
// its layers would take long.
var limits = document.Limits{Bytes: MaxFile, Depth: 32, Column: 100, Keys: 500, Key: 255, Tokens: 10_000, Quote: true}

// FileName is the name of perch.yaml.
const FileName = perch.FileName

// File is a perch.yaml that has been read. It is safe for concurrent use. As in perch.Settings,
// users read the comments of the fields.
type File struct {
	// Project is the name of the project. AWS names begin with it, and the worker listens on the
	// task queue `perch-PROJECT`.
	Project string `yaml:"project" jsonschema:"format=project"`
	// Image is the Docker image that runs; `{commit}` becomes the full commit. CI pushes the image
	// before it calls `perch up`.
	Image string `yaml:"image" jsonschema:"format=image"`
	// Branches says which branches get an environment, and of which kind.
	Branches Branches `yaml:"branches,omitempty" jsonschema:"nullable"`
	Layers
	// Reports says which of the policy's reports the project does not want.
	Reports Reports `yaml:"reports,omitempty"`
	// Seed puts test data into every new environment, in this order.
	Seed []perch.SeedStep `yaml:"seed,omitempty" jsonschema:"nullable,maxItems=50"`

	source    *document.Source
	seedNodes []*document.Node
}

// Reports says which of the policy's reports the project does not want.
type Reports struct {
	// GitHub says which of the policy's reports on GitHub the project does not want.
	GitHub GitHubReports `yaml:"github,omitempty"`
}

// GitHubReports says which of the policy's reports on GitHub the project does not want.
type GitHubReports struct {
	// Deployments is false to create no deployments on GitHub. A report that the policy turns off
	// stays off.
	Deployments bool `yaml:"deployments,omitempty" jsonschema:"default=true"`
	// Status is false to set no commit status. A report that the policy turns off stays off.
	Status bool `yaml:"status,omitempty" jsonschema:"default=true"`
	// Comment is false to write no comment on pull requests. A report that the policy turns off
	// stays off.
	Comment bool `yaml:"comment,omitempty" jsonschema:"default=true"`
}

// Muted returns the reports that the project does not want.
func (r Reports) Muted() perch.MutedReports {
	return perch.MutedReports{Deployments: !r.GitHub.Deployments, Status: !r.GitHub.Status, Comment: !r.GitHub.Comment}
}

// Branches says which branches get an environment, and of which kind.
type Branches struct {
	// Skip are branches that get no environment, in addition to the built-in list (see
	// `branches.skip_defaults`).
	Skip []string `yaml:"skip,omitempty" jsonschema:"format=branch pattern"`
	// SkipDefaults is false to turn off the built-in list: `*-no-infra`, the branches of merge
	// queues (`gh-readonly-queue/*`, `mergify/merge-queue/*`, `trunk-merge/*`, `graphite-base/*`)
	// and of bots (`dependabot/*`, `renovate/*`, `pre-commit-ci-update-config`,
	// `changeset-release/*`), and `gh-pages`.
	SkipDefaults bool `yaml:"skip_defaults,omitempty" jsonschema:"default=true"`
	// Kinds gives branches their kind. The last matching pattern decides. A branch that matches no
	// pattern is of kind `branch`.
	Kinds []KindRule `yaml:"kinds,omitempty" jsonschema:"nullable"`
}

// KindRule gives branches that match Pattern a kind.
type KindRule struct {
	Pattern string
	Kind    perch.Kind

	at *document.Node
}

// Read reads perch.yaml. name is the file's name in messages. The error is document.Problems or a
// *document.Problem.
func Read(name string, data []byte) (*File, error) {
	root, source, err := document.Read(name, data, limits)
	if err != nil {
		return nil, err
	}
	if root.Shape == document.Null {
		return nil, &document.Problem{
			File: name, Message: "the file is empty; `perch config init` writes one to begin with",
		}
	}
	d := newDecoder(source)
	f := &File{source: source}
	d.file(f, root)
	if err := d.Err(); err != nil {
		return nil, err
	}
	for _, kind := range perch.Kinds() {
		d.whole(d.merged(f, kind, ""))
	}
	d.seedChecks(f)
	d.patterns(f)
	if err := d.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

func (d *decoder) file(f *File, root *document.Node) {
	d.object("", root, reflect.ValueOf(f).Elem())
	if image := root.Get("image"); image != nil {
		f.image = wrap("image", image).Label(FileName)
	}
	d.defaultNulls("defaults", root.Get("defaults"))
	if steps := root.Get("seed"); steps != nil {
		f.seedNodes = steps.Items
	}
	d.seedSteps(f)
}

func (d *decoder) kindRules(path string, n *document.Node) []KindRule {
	var rules []KindRule
	if !d.is(path, n, document.Mapping) {
		return nil
	}
	for _, e := range n.Entries {
		d.pattern(e.Key)
		kind, _ := d.text(
			document.Join(path, e.Key.Text), e.Value, key{rules: map[string][]string{"enum": kindNames()}},
		)
		rules = append(rules, KindRule{Pattern: e.Key.Text, Kind: perch.Kind(kind), at: e.Key})
	}
	return rules
}

func kindNames() []string {
	var names []string
	for _, kind := range perch.Kinds() {
		names = append(names, string(kind))
	}
	return names
}

func (d *decoder) pattern(key *document.Node) {
	if problem := validPattern(key.Text); problem != "" {
		d.Fail(key, "this key %s, not %s", problem, shown(key))
	}
}
