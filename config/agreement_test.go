package config

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"perch/document"
)

// TestTheSchemasSayWhatTheDecoderDoes puts values that may be and values that may not at each key of both files, and asks the schema and the decoder.
// Formats that only code can check are looser in the schema: it must take what the decoder takes.
func TestTheSchemasSayWhatTheDecoderDoes(t *testing.T) {
	for name, a := range map[string]agreement{
		FileName: {newValidator(t, Schema()), func(data []byte) error {
			return decoded(data, func(d *decoder, root *document.Node) { d.file(&File{}, root) })
		}},
		"the policy": {newValidator(t, PolicySchema()), func(data []byte) error {
			_, err := ReadPolicy("policy.yaml", data)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a.schema.t = t
			a.below(spot{of: a.schema.root, put: func(value any) any { return value }})
		})
	}
}

// decoded is what the decoder says of a document, without what only several keys together can tell.
func decoded(data []byte, read func(*decoder, *document.Node)) error {
	root, source, err := document.Read(FileName, data, limits)
	if err != nil {
		return err
	}
	d := newDecoder(source)
	read(d, root)
	return d.Err()
}

type agreement struct {
	schema  validator
	decoder func(data []byte) error
}

// spot is a key with its schema; put makes the smallest document that is right and has a value there.
type spot struct {
	path string
	of   map[string]any
	put  func(value any) any
}

// below visits a place and all below it.
func (a agreement) below(p spot) {
	p.of = a.resolved(p.of)
	if either, ok := p.of["anyOf"].([]any); ok && p.path != "" && either[1].(map[string]any)["type"] == "array" {
		one := either[0].(map[string]any)
		a.compare(spot{p.path, one, p.put})
		a.compare(spot{p.path + "[0]", one, func(value any) any { return p.put([]any{value}) }})
		return
	}
	if p.path != "" {
		a.compare(p)
	}
	properties, _ := p.of["properties"].(map[string]any)
	for key, of := range properties {
		a.below(spot{document.Join(p.path, key), of.(map[string]any), func(value any) any { return p.put(a.with(p.of, key, value)) }})
	}
	if items, ok := p.of["items"].(map[string]any); ok {
		a.below(spot{p.path + "[0]", items, func(value any) any {
			list := a.sample(p.of).([]any)
			list[0] = value
			return p.put(list)
		}})
	}
	if values, ok := p.of["additionalProperties"].(map[string]any); ok {
		key := a.sample(p.of["propertyNames"].(map[string]any)).(string)
		a.below(spot{document.Join(p.path, key), values, func(value any) any { return p.put(map[string]any{key: value}) }})
	}
}

// resolved follows a reference, and takes away the null that a schema allows besides.
func (a agreement) resolved(of map[string]any) map[string]any {
	if either, ok := of["oneOf"].([]any); ok && len(either) == 2 && either[1].(map[string]any)["type"] == "null" {
		of = either[0].(map[string]any)
	}
	if ref, ok := of["$ref"].(string); ok {
		return a.schema.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	return of
}

// with is a sample of a mapping with key; of keys that exclude each other it has no other.
func (a agreement) with(of map[string]any, key string, value any) map[string]any {
	object := map[string]any{}
	if _, alternatives := of["oneOf"]; !alternatives {
		object = a.sample(of).(map[string]any)
	}
	needs, _ := of["dependentRequired"].(map[string]any)
	if others, ok := needs[key].([]any); ok {
		other := others[0].(string)
		object[other] = a.sample(of["properties"].(map[string]any)[other].(map[string]any))
	}
	object[key] = value
	return object
}

// examples are texts of the formats that only code can check.
var examples = map[string]string{
	"project": "shop", "image": "ghcr.io/acme/shop:{commit}", "branch pattern": "feature/*", "branch": "main", "bucket": "assets", "line": "x y",
	"url": "https://{host}/", "github repository": "acme/shop", "github address": "https://github.example.com", "seed source": "fixtures/media",
	"seed target": "assets/x", "seed path": "/seed", "seed body": "fixtures/demo.json", "template": "deploy/template.yaml", "header": "X-Token", "duration": "30m", "hours": "168h",
	"network": "10.20.0.0/16",
}

// textOf is a text that a pattern of the schema is for, and whether only code can check it.
func textOf(pattern string) (example string, loose bool) {
	for name, format := range checked {
		if format.expression == pattern {
			return examples[name], true
		}
	}
	return rapid.StringMatching(pattern).Example(1), false
}

// sample is the smallest value that fits.
func (a agreement) sample(of map[string]any) any {
	of = a.resolved(of)
	if enum, ok := of["enum"].([]any); ok {
		return enum[0]
	}
	if pattern, ok := of["pattern"].(string); ok {
		example, _ := textOf(pattern)
		return example
	}
	switch of["type"] {
	case "array":
		list := []any{}
		least, _ := of["minItems"].(float64)
		for range max(1, int(least)) {
			list = append(list, a.sample(of["items"].(map[string]any)))
		}
		return list
	case "object":
		object := map[string]any{}
		required, _ := of["required"].([]any)
		if either, ok := of["oneOf"].([]any); ok {
			required = append(required, either[0].(map[string]any)["required"].([]any)...)
		}
		for _, key := range required {
			object[key.(string)] = a.sample(of["properties"].(map[string]any)[key.(string)].(map[string]any))
		}
		return object
	case "integer":
		return of["minimum"]
	case "number":
		return of["maximum"]
	case "boolean":
		return true
	}
	return "x"
}

// compare asks both of everything that may stand at a place, and of what may not.
func (a agreement) compare(p spot) {
	t := a.schema.t
	pattern, isText := p.of["pattern"].(string)
	_, loose := textOf(pattern)
	taken, rejected := 0, 0
	for _, value := range append(a.values(p.of), a.sample(p.of)) {
		document := p.put(value)
		data, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		var again any // Numbers become float64, as the validator wants them.
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatal(err)
		}
		wrong, err := a.schema.problem(a.schema.root, "", again), a.decoder(data)
		switch text, quoted := value.(string); {
		case err == nil && wrong != "":
			t.Errorf("%s: the decoder takes %s, and the schema says: %s", p.path, data, wrong)
		case err != nil && wrong == "" && !(isText && loose && quoted && text != "") && !onlyTheDecoder(p.path, value):
			t.Errorf("%s: the schema takes %s, and the decoder says: %v", p.path, data, err)
		case err == nil:
			taken++
		default:
			rejected++
		}
	}
	if taken == 0 || rejected == 0 {
		t.Errorf("%s: %d values were taken and %d rejected; a test that knows one answer proves nothing", p.path, taken, rejected)
	}
}

// onlyTheDecoder is what the schema cannot say: in `defaults` there is nothing below that null could remove.
func onlyTheDecoder(path string, value any) bool {
	return value == nil && strings.HasPrefix(path, "defaults.") && strings.Count(path, ".") == 2
}

// values are of every shape, and around every limit. A number or a flag in the place of a text is left out: the decoder reads a text as it is
// written, and the schema wants quotes around it.
func (a agreement) values(of map[string]any) []any {
	values := []any{nil, []any{}, []any{[]any{}}, map[string]any{}, map[string]any{"colour": "red"}}
	if of["type"] != "string" {
		values = append(values, true, "true", 5, "5", 0.5)
	}
	if enum, ok := of["enum"].([]any); ok {
		values = append(append(values, enum...), "none of them", "")
	}
	for _, limit := range []string{"minimum", "maximum", "exclusiveMinimum"} {
		if at, ok := of[limit].(float64); ok {
			values = append(values, at-1, at, at+1, at+0.5)
		}
	}
	if pattern, ok := of["pattern"].(string); ok {
		values = append(values, texts(pattern)...)
	}
	return values
}

// texts are some that match a pattern, and some that nearly do.
func texts(pattern string) []any {
	const letters = "aZ09-_./:*?@ {}"
	random := rand.New(rand.NewPCG(1, 2))
	values := []any{"", " ", "\t", strings.Repeat("a", 300)}
	for i := range 8 {
		text, loose := textOf(pattern)
		if !loose {
			text = ascii(rapid.StringMatching(pattern).Example(i))
		}
		values = append(values, text)
		if text == "" {
			continue
		}
		at, letter := random.IntN(len(text)), string(letters[random.IntN(len(letters))])
		values = append(values, text[:at]+text[at+1:], text[:at]+letter+text[at:], text[:at]+letter+text[at+1:])
	}
	return values
}

func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return 'x'
		}
		return r
	}, text)
}

// TestWhatTheDecoderTakesTheSchemaTakes reads whole documents that are right.
func TestWhatTheDecoderTakesTheSchemaTakes(t *testing.T) {
	perchYAML, policyYAML := newValidator(t, Schema()), newValidator(t, PolicySchema())
	for source, schema := range map[string]validator{
		shop: perchYAML, minimal: perchYAML, string(Init(Start{Project: "demo", Image: "demo:1"})): perchYAML, fullPolicy: policyYAML, minimalPolicy: policyYAML,
		minimal + "branches:\ndefaults:\nkinds:\noverrides:\nseed:\n":                perchYAML,
		minimal + "kinds: {branch: }\noverrides: {\"*\": {database: null}, x/*: }\n": perchYAML,
	} {
		if problem := schema.problem(schema.root, "", asJSON(t, source)); problem != "" {
			t.Errorf("%s\nin\n%s", problem, source)
		}
	}
}

// TestDefaultsOfThePolicyAreThoseOfItsTags compares the defaults of the schema with what a policy is completed by.
func TestDefaultsOfThePolicyAreThoseOfItsTags(t *testing.T) {
	p := policy(t, minimalPolicy)
	root := newValidator(t, PolicySchema()).root
	at := func(keys ...string) any {
		of := root
		for _, key := range keys {
			of = agreement{schema: validator{t: t, root: root}}.resolved(of)["properties"].(map[string]any)[key].(map[string]any)
		}
		return of["default"]
	}
	for path, want := range map[string]any{
		"max_environments": p.MaxEnvironments, "cleanup.max_removals": p.Cleanup.MaxRemovals, "cleanup.max_share": p.Cleanup.MaxShare,
		"cleanup.grace": strings.TrimSuffix(p.Cleanup.Grace.String(), "0m0s"),
	} {
		if got := at(strings.Split(path, ".")...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: the schema's default is %v, and a policy is completed by %v", path, got, want)
		}
	}
	branches := newValidator(t, Schema()).root["$defs"].(map[string]any)["Branches"].(map[string]any)
	skip := branches["properties"].(map[string]any)["skip_defaults"].(map[string]any)
	if file := read(t, minimal); skip["default"] != file.Branches.SkipDefaults {
		t.Errorf("branches.skip_defaults: the schema's default is %v, and the file's is %v", skip["default"], file.Branches.SkipDefaults)
	}
	for _, pattern := range SkipDefaults() {
		if !strings.Contains(skip["description"].(string), "`"+pattern+"`") {
			t.Errorf("the description of branches.skip_defaults lacks %s", pattern)
		}
	}
}

// asJSON is a YAML file as JSON has it.
func asJSON(t *testing.T, source string) map[string]any {
	t.Helper()
	root, _, err := document.Read(FileName, []byte(source), limits)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(root.Value())
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	return object
}
