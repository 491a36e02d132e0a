package custom

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch/cfn"
)

func read(t *testing.T, text string) *Template {
	t.Helper()
	template, err := Read("template.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// small is a template that nothing is wrong with; more is put at its end, in Outputs.
const small = `Resources:
  Assets: {Type: "AWS::S3::Bucket"}
Outputs:
  URL: {Value: "http://example.com"}
`

func TestWhatIsWrongWithATemplateIsSaidWithItsLine(t *testing.T) {
	deep := strings.Repeat("[", limits.Depth+2) + strings.Repeat("]", limits.Depth+2)
	for name, test := range map[string]struct{ text, want string }{
		"an empty file": {"", "template.yaml:1:1: this is not a CloudFormation template but nothing; a template is a " +
			"mapping with a key Resources"},
		"text": {"hello", "template.yaml:1:1: this is not a CloudFormation template but a single value; a " +
			"template is a mapping with a key Resources"},
		"a list": {"- a\n- b\n", "template.yaml:1:1: this is not a CloudFormation template but a list; a " +
			"template is a mapping with a key Resources"},
		"a web page": {"<!doctype html>\n<html><body>404</body></html>\n", "template.yaml:1:1: this is not a " +
			"CloudFormation template but a single value; a template is a mapping with a key Resources"},
		"no resources": {
			"Outputs: {}\n", "template.yaml:1:1: the template has no Resources; it must define at least one",
		},
		"no resource": {
			"Resources: {}\n", "template.yaml:1:1: Resources must be a mapping with at least one resource",
		},
		"a compose file": {"services: {web: {image: x}}\nResources: {A: {Type: T}}\n", `template.yaml:1:1: unknown ` +
			`section "services"; this is not a CloudFormation template, or the key is in the wrong place; allowed ` +
			`here: AWSTemplateFormatVersion, Description, Metadata, Parameters, Rules, Mappings, Conditions, ` +
			`Resources, Outputs`},
		"no type": {"Resources:\n  A: {Properties: {}}\n", "template.yaml:2:3: resource A has no Type"},
		"a bad name": {
			"Resources:\n  a-b: {Type: T}\n",
			`template.yaml:2:3: the name of resource "a-b" may have only letters and digits`,
		},
		"a nested stack": {"Resources:\n  A: {Type: AWS::CloudFormation::Stack}\n", "template.yaml:2:3: resource A " +
			"is a nested stack, and nested stacks are not supported: a template is one file of the commit; put its " +
			"resources here"},
		"a stack set": {"Resources:\n  A: {Type: AWS::CloudFormation::StackSet}\n", "template.yaml:2:3: " +
			"resource A makes stacks of another template (AWS::CloudFormation::StackSet), which the policy " +
			"cannot check; put its resources here"},
		"a module": {"Resources:\n  A: {Type: \"Acme::S3::Bucket::MODULE\"}\n", "template.yaml:2:3: resource " +
			"A is a module (Acme::S3::Bucket::MODULE), and modules are not supported; put its resources here"},
		"a macro": {"Transform: AWS::Serverless-2016-10-31\n" + small, "template.yaml:1:1: Transform is not " +
			"read: macros are not run; process the template before it is committed, for example with `sam build` or " +
			"`aws cloudformation package`"},
		"a macro inside": {
			"Resources:\n  A: {Type: T, Properties: {'Fn::Transform': {Name: X}}}\n",
			"template.yaml:2:29: Fn::Transform needs a macro, and macros are not run; write out what the macro " +
				"generates",
		},
		"an unknown tag": {"Resources:\n  A: {Type: T, Properties: {B: !Reff C}}\n", "template.yaml:2:32: " +
			"CloudFormation has no tag !Reff; allowed: !And, !Base64, !Cidr, !Condition, !Equals, !FindInMap, " +
			"!GetAtt, !GetAZs, !If, !ImportValue, !Join, !Not, !Or, !Ref, !Select, !Split, !Sub, !Contains, " +
			"!EachMemberEquals, !EachMemberIn, !RefAll, !ValueOf, !ValueOfAll"},
		"an empty tag": {
			"Resources:\n  A:\n    Type: T\n    Properties:\n      B: !GetAZs\n      C: 1\n",
			"template.yaml:5:7: !GetAZs has no value; write !GetAZs '' if that is meant",
		},
		"an alias": {"Resources:\n  A: &a {Type: T}\n  B: *a\n", "template.yaml:2:6: YAML anchors (&name) " +
			"are not read; put quotes around text that begins with &, and write a repeated value out"},
		"a key twice": {
			"Resources:\n  A: {Type: T}\n  A: {Type: T}\n",
			`template.yaml:3:3: key "A" is in this mapping twice; the first is on line 2`,
		},
		"too deep": {"Resources:\n  A: {Type: T, Properties: {B: " + deep + "}}\n", "template.yaml:2:94: " +
			"this is nested too deeply; at most 64 levels and an indentation of 300 columns are read"},
		"too many keys": {
			"Resources:\n" + strings.Repeat("  A: {Type: T}\n", limits.Keys+1),
			"template.yaml:2002:4: this mapping has too many keys; at most 2000 are read",
		},
		"too large": {"# " + strings.Repeat("x", maxFile) + "\n" +
			small, "template.yaml: the file is longer than 1048576 bytes; at most that many are read"},
		"a circle": {
			"Resources:\n  A: {Type: T, Properties: {X: !Ref B}}\n  B: {Type: T, Properties: {X: !Sub '${C.Arn}'}}\n " +
				" C: {Type: T, DependsOn: A}\n  D: {Type: T}\n",
			"template.yaml:2:3: these resources wait for each other, so none can be made first: A, B, C",
		},
		"a dead end": {
			"Resources:\n  A: {Type: T, Properties: {X: !Ref Nobody, Y: !GetAtt Nowhere.Arn, Z: !Sub '${AWS::Region} " +
				"${!Literal} ${Nothing}'}}\n",
			"template.yaml:2:36: Nobody is neither a resource nor a parameter of the template\ntemplate.yaml:2:54: " +
				"Nowhere is neither a resource nor a parameter of the template\ntemplate.yaml:2:74: Nothing is " +
				"neither a resource nor a parameter of the template",
		},
		"a lost need": {
			"Resources:\n  A: {Type: T, DependsOn: [B]}\n",
			"template.yaml:2:28: resource A depends on B, which is not a resource of the template",
		},
		"Perch's outputs": {
			small + "  PerchCommit: {Value: x}\n",
			"template.yaml:5:3: output PerchCommit is one that Perch adds itself; give yours another name",
		},
		"a bare output":    {small + "  Other: {Export: {Name: x}}\n", "template.yaml:5:3: output Other has no Value"},
		"a bare parameter": {"Parameters:\n  P: {Default: x}\n" + small, "template.yaml:2:3: parameter P has no Type"},
		"broken YAML": {
			"Resources:\n  A: {Type: T\n",
			"template.yaml:2:6: not valid YAML: could not find flow mapping end token '}'",
		},
		"broken JSON": {
			"{\"Resources\": {\n  \"A\" \"B\"}}\n",
			"template.yaml:2:6: not valid JSON: invalid character '\"' after object key",
		},
		"JSON cut off": {"{\"Resources\": {\n", "template.yaml:1:15: not valid JSON: the file ends too early"},
		"JSON key twice": {
			"{\"Resources\": {\"A\": {\"Type\": \"T\"},\n \"A\": {\"Type\": \"T\"}}}",
			`template.yaml:2:4: key "A" is in this mapping twice`,
		},
		"JSON and more": {
			"{\"Resources\": {\"A\": {\"Type\": \"T\"}}}\n}",
			"template.yaml:2:1: something is here after the end of the document",
		},
		"not text": {"Resources: \xff", "template.yaml:1:12: this is not UTF-8; save the file as UTF-8 text"},
		"two documents": {
			small + "---\n" + small, "template.yaml:5:1: a second document begins here; put everything into one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read("template.yaml", []byte(test.text))
			if err == nil {
				t.Fatal("nothing is wrong")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestShortFormsAreReadAsTheirLongOnes(t *testing.T) {
	template := read(t, `Parameters: {P: {Type: String}}
Conditions: {C: !Equals [!Ref P, ""], D: !Not [!Condition C]}
Resources:
  A:
    Type: T
    Properties:
      Ref: !Ref P
      Att: !GetAtt A2.Endpoint.Address
      Sub: !Sub |
        echo ${P}
      Join: !Join
        - ","
        - - !Ref P
          - b
      If: !If [C, !Ref "AWS::NoValue", yes]
      Version: 1.10
      Port: 0080
      Size: 20
      Share: 0.5
      On: True
      Date: 2012-10-17
      Text: ! 12
  A2: {Type: T}
`)
	got := template.root.Value().(map[string]any)
	ref := map[string]any{"Ref": "P"}
	want := map[string]any{
		"Ref": ref, "Att": map[string]any{"Fn::GetAtt": []any{"A2", "Endpoint.Address"}},
		"Sub":     map[string]any{"Fn::Sub": "echo ${P}\n"},
		"Join":    map[string]any{"Fn::Join": []any{",", []any{ref, "b"}}},
		"If":      map[string]any{"Fn::If": []any{"C", map[string]any{"Ref": "AWS::NoValue"}, "yes"}},
		"Version": "1.10", "Port": "0080", "Size": json.Number("20"), "Share": json.Number("0.5"), "On": true,
		"Date": "2012-10-17", "Text": "12",
	}
	if diff := cmp.Diff(want, got["Resources"].(map[string]any)["A"].(map[string]any)["Properties"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestYAMLAndJSONAreReadAlike(t *testing.T) {
	yaml, err := os.ReadFile("testdata/wordpress.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, err := Read("wordpress.yaml", yaml)
	if err != nil {
		t.Fatal(err)
	}
	body, err := cfn.Encode(first.root.Value().(map[string]any))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Read("wordpress.json", body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.root.Value(), second.root.Value()); diff != "" {
		t.Errorf("YAML (-) and JSON (+):\n%s", diff)
	}
}

func TestManySmallMappingsAreNotOneLargeMapping(t *testing.T) {
	for name, text := range map[string]string{
		"in flow style": "Resources: {A: {Type: T, Properties: {L: [" + strings.Repeat("{K: v}, ", 3*limits.Keys) +
			"]}}}\n" + "Outputs: {}\n",
		"in block style": "Resources:\n  A:\n    Type: T\n    Properties:\n      L:\n" +
			strings.Repeat("      - K: v\n        L: w\n", 3*limits.Keys),
	} {
		if _, err := Read("template.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
