package config

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"perch/document"
)

// TestWhatIsReadFitsThePublishedSchema checks whole files that are read against the JSON Schemas
// that editors check them with.
func TestWhatIsReadFitsThePublishedSchema(t *testing.T) {
	perchYAML, policyYAML := compiled(t, Schema()), compiled(t, PolicySchema())
	for source, schema := range map[string]*jsonschema.Schema{
		shop: perchYAML, minimal: perchYAML, string(Init(Start{Project: "demo", Image: "demo:1"})): perchYAML,
		fullPolicy: policyYAML, minimalPolicy: policyYAML,
		minimal + "branches:\ndefaults:\nkinds:\noverrides:\nseed:\n":                perchYAML,
		minimal + "kinds: {branch: }\noverrides: {\"*\": {database: null}, x/*: }\n": perchYAML,
	} {
		if err := schema.Validate(asJSON(t, source)); err != nil {
			t.Errorf("%v\nin\n%s", err, source)
		}
	}
}

// TestAMisspeltKeyDoesNotFitThePublishedSchema shows that the schemas reject what Perch rejects.
func TestAMisspeltKeyDoesNotFitThePublishedSchema(t *testing.T) {
	for source, schema := range map[string][]byte{
		minimal + "defaults: {instance_typ: t3.small}\n":   Schema(),
		minimal + "defaults: {instances: {max: 101}}\n":    Schema(),
		minimal + "seed: [{s3: {from: a}}]\n":              Schema(),
		minimalPolicy + "domain: example.com\n":            PolicySchema(),
		minimalPolicy + "cleanup: {max_share: 0}\n":        PolicySchema(),
		minimalPolicy + "repair: always\nprotected: [1]\n": PolicySchema(),
	} {
		if compiled(t, schema).Validate(asJSON(t, source)) == nil {
			t.Errorf("the schema takes\n%s", source)
		}
	}
}

func compiled(t *testing.T, source []byte) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", value); err != nil {
		t.Fatal(err)
	}
	return compiler.MustCompile("schema.json")
}

// asJSON is a YAML file as JSON has it.
func asJSON(t *testing.T, source string) any {
	t.Helper()
	root, _, err := document.Read(FileName, []byte(source), limits)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(root.Value())
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
