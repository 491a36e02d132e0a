package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"perch"
	"perch/document"
)

const pageHead = `# Configuration: every key

Look up every key of ` + "`perch.yaml`" + ` and of the policy here: its valid values, its default and its meaning.

Written by ` + "`go test ./config -update`" + ` from the comments and tags of the Go types: change those, not this page.
[perch.yaml](perch-yaml.md) and [the policy](policy.md) explain the keys by topic, with examples.
[What the file may be](perch-yaml.md#what-the-file-may-be) lists the limits of the files.
For editors, these commands print the keys as a JSON Schema: ` + "`perch config schema`, `perch config schema --policy`" + `.

A branch pattern matches the whole name: ` + "`*`" + ` matches any characters, including slashes, and ` + "`?`" + ` matches one character.
`

// configurationPage is docs/configuration.md: each key of both files once.
func configurationPage(t *testing.T) []byte {
	t.Helper()
	file, policy := reflected(t, File{}), reflected(t, perch.Policy{})
	var page bytes.Buffer
	page.WriteString(pageHead)
	for _, section := range []struct {
		title, lead string
		root, of    *jsonschema.Schema
		layered     bool
	}{
		{"perch.yaml", "", file, file, false},
		{"Settings", "These keys may be used in `defaults`, below each of `kinds`, and below each of `overrides`. " +
			"The default applies if no [layer](perch-yaml.md#layers) sets the key.", file,
			file.Definitions["Settings"], true},
		{"Seed steps", "Each step of `seed` has exactly one of the keys `s3`, `http` and `run`. [Seed " +
			"steps](perch-yaml.md#seed-steps) says how Perch runs them.",
			file, file.Definitions["SeedStep"], false},
		{
			"The policy",
			"The worker's file. [What is rejected](policy.md#what-is-rejected) says what the worker checks " +
				"against it.", policy,
			policy, false,
		},
	} {
		fmt.Fprintf(&page, "\n## %s\n\n", section.title)
		if section.lead != "" {
			fmt.Fprintf(&page, "%s\n\n", section.lead)
		}
		page.WriteString("| key | valid values | default | meaning |\n|---|---|---|---|\n")
		r := reference{t: t, root: section.root, layered: section.layered, to: &page}
		r.rows("", section.of)
	}
	return page.Bytes()
}

// written returns a value in the form that a file has. A text has quotes only if it would otherwise
// be a number.
func written(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if plain := strings.Trim(text, `"`); strings.Trim(plain, "0123456789.") != "" {
		text = plain
	}
	return "`" + text + "`"
}

// reference writes rows of a table of keys.
type reference struct {
	t    *testing.T
	root *jsonschema.Schema
	// layered says that the keys are settings, which null removes.
	layered bool
	to      *bytes.Buffer
}

// rows writes the keys of a mapping and all below them.
func (r reference) rows(path string, mapping *jsonschema.Schema) {
	for pair := mapping.Properties.Oldest(); pair != nil; pair = pair.Next() {
		key, value := document.Join(path, pair.Key), pair.Value
		r.row(key, value, slices.Contains(mapping.Required, pair.Key))
		switch inner, _ := r.inner(value); {
		case inner.Ref == settingsRef || inner.Type == "array":
		case inner.Extras["values"] == "nullable":
			r.rows(key+".NAME", r.followed(inner.AdditionalProperties))
		default:
			if below := r.followed(inner); below.Properties != nil && below.Properties.Len() > 0 && !isKinds(below) {
				r.rows(key, below)
			}
		}
	}
}

const settingsRef = "#/$defs/Settings"

func (r reference) row(key string, value *jsonschema.Schema, required bool) {
	inner, nullable := r.inner(value)
	allowed := r.allowed(inner)
	if nullable && r.layered {
		allowed += "; or `null`"
	}
	fallback := ""
	switch {
	case required:
		fallback = "required"
	case inner.Default != nil:
		fallback = written(r.t, inner.Default)
	}
	fmt.Fprintf(r.to, "| `%s` | %s | %s | %s |\n", key, allowed, fallback, inner.Description)
}

// inner is the schema without the null that it also allows.
func (r reference) inner(s *jsonschema.Schema) (inner *jsonschema.Schema, nullable bool) {
	if len(s.OneOf) == 2 && s.OneOf[1].Type == "null" {
		return s.OneOf[0], true
	}
	return s, false
}

func (r reference) followed(s *jsonschema.Schema) *jsonschema.Schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		return r.root.Definitions[name]
	}
	return s
}

// allowed says which values are valid.
func (r reference) allowed(s *jsonschema.Schema) string {
	switch {
	case s.Ref == settingsRef:
		return "[settings](#settings)"
	case s.Ref == "#/$defs/SeedStep":
		return "[steps](#seed-steps)"
	case len(s.Enum) > 0:
		var words []string
		for _, value := range s.Enum {
			words = append(words, fmt.Sprintf("`%v`", value))
		}
		return orList(words)
	case s.Type == "boolean":
		return "`true` or `false`"
	case s.ExclusiveMinimum != "":
		return fmt.Sprintf("above %s, up to %s", s.ExclusiveMinimum, s.Maximum)
	case s.Type == "integer":
		return fmt.Sprintf("%s to %s", s.Minimum, s.Maximum)
	case s.Extras["list"] != nil:
		return r.words(s.Format) + ", or a list of them"
	case s.Extras["from"] != nil:
		return fmt.Sprintf("%s, from %s to %s", r.words(s.Format), s.Extras["from"], s.Extras["to"])
	case s.Type == "string":
		return r.words(s.Format)
	case s.Type == "array":
		return "list: " + r.allowed(s.Items)
	}
	return r.mapping(r.followed(s))
}

func (r reference) mapping(s *jsonschema.Schema) string {
	if isKinds(s) {
		value, _ := r.inner(s.Properties.Oldest().Value)
		return "mapping; keys: `production`, `staging`, `branch`; values: " + r.allowed(value)
	}
	var keys, values string
	switch {
	case s.PropertyNames != nil:
		value, _ := r.inner(s.AdditionalProperties)
		keys, values = r.words(s.PropertyNames.Format), r.allowed(value)
	case s.Extras["keys"] != nil:
		keys = r.words(s.Extras["keys"].(string))
		switch format := s.Extras["values"].(string); format {
		case "nullable":
			values = "mapping"
		case "scalar":
			values = "text"
		default:
			values = r.words(format)
		}
	default:
		return "mapping"
	}
	return "mapping; keys: " + keys + "; values: " + values
}

func isKinds(s *jsonschema.Schema) bool {
	if s.Properties == nil {
		return false
	}
	_, ok := s.Properties.Get(string(perch.KindProduction))
	return ok
}

// words returns what the decoder says about a text that does not have the format.
func (r reference) words(name string) string {
	if name == "" {
		return "text"
	}
	found := formatOf(r.t, name)
	if found.check == nil {
		return "text"
	}
	words := found.check("")
	for _, verb := range []string{"must be ", "must have ", "must "} {
		words = strings.TrimPrefix(words, verb)
	}
	return strings.NewReplacer("*", `\*`, "|", `\|`).Replace(words)
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
