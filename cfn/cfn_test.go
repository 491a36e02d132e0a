package cfn

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"perch"
)

func TestTheHashIsOfTheTemplateWithoutIt(t *testing.T) {
	template := renderEnvironment(t, environmentInput(t, "topic", perch.KindBranch))
	decoded := decode(t, template)
	outputs := decoded["Outputs"].(map[string]any)
	told := outputs[OutputTemplate].(map[string]any)["Value"]
	delete(outputs, OutputTemplate)

	without, err := json.MarshalIndent(decoded, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(append(without, '\n'))
	if want := hex.EncodeToString(sum[:]); template.Hash != want || told != want {
		t.Errorf("hash is %s, the output says %v, want %s", template.Hash, told, want)
	}
}

func TestTheReviewedTemplatesFitIntoACall(t *testing.T) {
	for name, template := range goldens(t) {
		if len(template.Body) > MaxBody {
			t.Errorf("%s has %d bytes, more than %d", name, len(template.Body), MaxBody)
		}
	}
}

func TestTemplatesHaveNoParameters(t *testing.T) {
	for name, template := range goldens(t) {
		var sections []string
		for section := range decode(t, template) {
			sections = append(sections, section)
		}
		slices.Sort(sections)
		if want := []string{
			"AWSTemplateFormatVersion", "Description", "Outputs", "Resources",
		}; !slices.Equal(sections, want) {
			t.Errorf("%s has the sections %v, want %v", name, sections, want)
		}
	}
}
