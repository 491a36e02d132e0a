package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"

	"perch"
)

var update = flag.Bool("update", false, "write the JSON Schemas and docs/configuration.md again")

// TestGeneratedFilesAreCurrent compares the JSON Schemas and the page of all keys with what is
// generated from the Go types.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	for file, want := range map[string][]byte{
		filepath.Join("schema", "perch.schema.json"):    published(t, File{}, "perch.yaml"),
		filepath.Join("schema", "policy.schema.json"):   published(t, perch.Policy{}, "The policy of a Perch worker"),
		filepath.Join("..", "docs", "configuration.md"): configurationPage(t),
	} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf(
				"%s is not current; write it with `go test ./config -update` (from the types: -, in the file: +):\n%s",
				file, diff,
			)
		}
	}
}

// published is the schema of a type as it is printed.
func published(t *testing.T, of any, title string) []byte {
	t.Helper()
	root := reflected(t, of)
	root.Title = title
	finish(t, root)
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for escaped, plain := range map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&"} {
		data = bytes.ReplaceAll(data, []byte(escaped), []byte(plain))
	}
	return append(data, '\n')
}

// reflected is the schema of a type with the names of its formats in place of their patterns.
func reflected(t *testing.T, of any) *jsonschema.Schema {
	t.Helper()
	comments := &jsonschema.Reflector{}
	t.Chdir("..") // The names of packages are made from paths below the module's folder.
	for _, file := range []string{"settings.go", "policy.go", "config/file.go", "config/layers.go"} {
		if err := comments.AddGoComments("perch", file); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir("config")
	reflector := &jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, FieldNameTag: "yaml", Mapper: mapped,
		LookupComment: func(of reflect.Type, field string) string {
			text := comments.CommentMap[of.PkgPath()+"."+of.Name()+"."+field]
			if field != "" && text == "" {
				t.Errorf("%s.%s has no comment to tell users what it means", of.Name(), field)
			}
			return described(field, text)
		},
	}
	root := reflector.Reflect(of)
	if reflect.TypeOf(of) == reflect.TypeFor[File]() {
		settings := reflector.Reflect(perch.Settings{})
		for name, definition := range settings.Definitions {
			root.Definitions[name] = definition
		}
		settings.Definitions, settings.Version = nil, ""
		root.Definitions["Settings"] = settings
	}
	return root
}

// described is the comment of a Go field as a sentence about the key.
func described(field, comment string) string {
	text := strings.Join(strings.Fields(strings.TrimPrefix(comment, field+" ")), " ")
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	if text == "" {
		return ""
	}
	return string(unicode.ToUpper(rune(text[0]))) + text[1:]
}

// mapped are the types that YAML writes another way than Go.
func mapped(of reflect.Type) *jsonschema.Schema {
	settings := &jsonschema.Schema{Ref: "#/$defs/Settings"}
	switch of {
	case reflect.TypeFor[Layer]():
		return settings
	case reflect.TypeFor[map[perch.Kind]Layer]():
		return eachKind(nullable(settings))
	case reflect.TypeFor[[]Override]():
		return &jsonschema.Schema{
			Type: "object", PropertyNames: &jsonschema.Schema{Format: "branch pattern"},
			AdditionalProperties: nullable(settings),
		}
	case reflect.TypeFor[[]KindRule]():
		return &jsonschema.Schema{
			Type: "object", PropertyNames: &jsonschema.Schema{Format: "branch pattern"},
			AdditionalProperties: &jsonschema.Schema{Type: "string", Enum: kindEnum()},
		}
	case reflect.TypeFor[map[perch.Kind][]string](), reflect.TypeFor[perch.KindSecrets]():
		return eachKind(&jsonschema.Schema{
			Type: "array", Items: &jsonschema.Schema{Type: "string", Format: listFormats[of]},
		})
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[perch.Hours](), reflect.TypeFor[netip.Prefix]():
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

func eachKind(value *jsonschema.Schema) *jsonschema.Schema {
	kinds := &jsonschema.Schema{
		Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
	}
	for _, kind := range perch.Kinds() {
		kinds.Properties.Set(string(kind), value)
	}
	return kinds
}

func kindEnum() []any {
	var enum []any
	for _, kind := range perch.Kinds() {
		enum = append(enum, string(kind))
	}
	return enum
}

func nullable(schema *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{schema, {Type: "null"}}}
}

func formatOf(t *testing.T, name string) format {
	t.Helper()
	found, ok := formats[name]
	if !ok {
		t.Errorf("format %q of a tag is not one of package config's formats", name)
	}
	return found
}

// finish replaces the names of formats with patterns, and our tags with keywords of JSON Schema, in
// a schema and everything below it.
func finish(t *testing.T, s *jsonschema.Schema) {
	t.Helper()
	each(s, func(s *jsonschema.Schema) {
		if s.Properties == nil {
			return
		}
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			if other, ok := pair.Value.Extras["needs"].(string); ok {
				if s.DependentRequired == nil {
					s.DependentRequired = map[string][]string{}
				}
				s.DependentRequired[pair.Key] = []string{other}
			}
		}
	})
	each(s, func(s *jsonschema.Schema) {
		if s.Format != "" {
			s.Format, s.Pattern = "", formatOf(t, s.Format).expression
		}
		if keys, ok := s.Extras["keys"].(string); ok {
			s.PropertyNames = &jsonschema.Schema{Pattern: formatOf(t, keys).expression}
			s.AdditionalProperties = free(t, s)
		}
		if s.Extras["list"] != nil {
			oneOrMore(s)
		}
		s.Extras = nil
	})
}

// oneOrMore lets a key have one text or a list of such texts.
func oneOrMore(s *jsonschema.Schema) {
	one, least := &jsonschema.Schema{Type: s.Type, Pattern: s.Pattern}, uint64(1)
	s.AnyOf = []*jsonschema.Schema{one, {Type: "array", Items: one, MinItems: &least}}
	s.Type, s.Pattern = "", ""
}

// free is what the values of a mapping with free keys may be.
func free(t *testing.T, s *jsonschema.Schema) *jsonschema.Schema {
	t.Helper()
	switch values := s.Extras["values"]; values {
	case "nullable":
		return nullable(s.AdditionalProperties)
	case "scalar":
		scalar := &jsonschema.Schema{}
		for _, name := range []string{"string", "number", "boolean", "null"} {
			scalar.AnyOf = append(scalar.AnyOf, &jsonschema.Schema{Type: name})
		}
		return scalar
	default:
		return nullable(&jsonschema.Schema{Type: "string", Pattern: formatOf(t, values.(string)).expression})
	}
}

// each visits a schema and all below it, the inner ones first.
func each(s *jsonschema.Schema, visit func(*jsonschema.Schema)) {
	if s == nil || s == jsonschema.FalseSchema {
		return
	}
	for _, below := range s.Definitions {
		each(below, visit)
	}
	if s.Properties != nil {
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			each(pair.Value, visit)
		}
	}
	for _, below := range append(
		append([]*jsonschema.Schema{s.Items, s.AdditionalProperties, s.PropertyNames}, s.OneOf...), s.AnyOf...,
	) {
		each(below, visit)
	}
	visit(s)
}
