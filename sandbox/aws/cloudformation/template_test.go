package cloudformation

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func resolver(t *testing.T, parameters map[string]string, body string) *plan {
	t.Helper()
	s := &Service{config: Config{Account: "123456789012", Region: "eu-central-1"}}
	p, err := s.plan(definition{Body: body, Parameters: parameters}, "arn:stack", "shop-a")
	if err != nil {
		t.Fatal(err)
	}
	return p.with(func(id, attribute string) (any, error) { return id + ":" + attribute, nil }, false)
}

func TestFunctions(t *testing.T) {
	const frame = `
Parameters: {Kind: {Type: String}, Zones: {Type: CommaDelimitedList, Default: "x, y"}}
Mappings: {Sizes: {small: {type: t3.small}}}
Conditions:
  Big: !Equals [!Ref Kind, big]
  Small: !Not [!Condition Big]
  Both: !And [!Condition Big, !Condition Small]
  Either: !Or [!Condition Big, !Condition Small]
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Thing:
    Type: AWS::SQS::Queue
    Properties: {Value: `
	for _, test := range []struct {
		behaviour, value string
		want             any
	}{
		{"Ref of a resource", `!Ref Queue`, "Queue:"},
		{"Ref of a parameter", `!Ref Kind`, "small"},
		{"Ref of a list", `!Ref Zones`, []any{"x", "y"}},
		{"pseudo parameters", `!Sub "${AWS::Region} ${AWS::AccountId} ${AWS::StackName} ${AWS::Partition} ` +
			`${AWS::URLSuffix} ${AWS::StackId}"`,
			"eu-central-1 123456789012 shop-a aws amazonaws.com arn:stack"},
		{"GetAtt, short", `!GetAtt Queue.Arn`, "Queue:Arn"},
		{"GetAtt, nested", `!GetAtt Queue.Endpoint.Address`, "Queue:Endpoint.Address"},
		{"GetAtt, long", `{"Fn::GetAtt": [Queue, Arn]}`, "Queue:Arn"},
		{"Sub with an attribute and an escape", `!Sub "${Queue.Arn}/${!Literal}"`, "Queue:Arn/${Literal}"},
		{"Sub with inline values", `!Sub ["${a}-${Kind}", {a: !Ref Queue}]`, "Queue:-small"},
		{"Join", `!Join ["-", [a, 1, !Ref Kind]]`, "a-1-small"},
		{"Join of a list parameter", `!Join [",", !Ref Zones]`, "x,y"},
		{"Select", `!Select [1, !Ref Zones]`, "y"},
		{"Split", `!Split ["/", "a/b"]`, []any{"a", "b"}},
		{"If", `!If [Big, 1, !Ref Kind]`, "small"},
		{"If, nested", `!If [Either, !If [Both, 1, two], 3]`, "two"},
		{"FindInMap", `!FindInMap [Sizes, !Ref Kind, type]`, "t3.small"},
		{"Base64", `!Base64 hello`, "aGVsbG8="},
		{"GetAZs", `!Select [0, !GetAZs ""]`, "eu-central-1a"},
		{"Cidr", `!Cidr ["10.0.0.0/16", 2, 8]`, []any{"10.0.0.0/24", "10.0.1.0/24"}},
		{
			"NoValue leaves its member out", `{a: !Ref AWS::NoValue, b: [!Ref AWS::NoValue, 1]}`,
			map[string]any{"b": []any{1.0}},
		},
		{"a version keeps its zeros", `16.10`, "16.10"},
		{"a long account keeps its digits", `012345678901`, "012345678901"},
		{
			"a secret's reference stays as it is", `"{{resolve:secretsmanager:arn:SecretString:password}}"`,
			"{{resolve:secretsmanager:arn:SecretString:password}}",
		},
	} {
		t.Run(test.behaviour, func(t *testing.T) {
			p := resolver(t, map[string]string{"Kind": "small", "Zones": "x, y"}, frame+test.value+"}\n")
			properties, _, err := p.properties("Thing")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, properties["Value"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTemplatesThatAreRejected(t *testing.T) {
	const queue = `Q: {Type: AWS::SQS::Queue}`
	for _, test := range []struct{ behaviour, body, want string }{
		{"broken JSON", `{"Resources": `, "Template format error: JSON not well-formed. (unexpected EOF)"},
		{
			"no resources", `Description: nothing`,
			"Template format error: At least one Resources member must be defined.",
		},
		{"an unknown section", "Resources: {" + queue +
			"}\nResource: {}", "Invalid template property or properties [Resource]"},
		{
			"no type", `Resources: {Q: {Properties: {}}}`,
			"Template format error: [/Resources/Q] Every Resources object must contain a Type member.",
		},
		{
			"an unknown member", `Resources: {Q: {Type: AWS::SQS::Queue, Property: {}}}`,
			"Invalid template resource property 'Property'",
		},
		{
			"an unresolved Ref", `Resources: {Q: {Type: AWS::SQS::Queue, Properties: {A: !Ref X}}}`,
			"Template format error: Unresolved resource dependencies [X] in the Resources block of the template",
		},
		{
			"an unresolved Sub", `Resources: {Q: {Type: AWS::SQS::Queue, Properties: {A: !Sub "${X}"}}}`,
			"Template format error: Unresolved resource dependencies [X] in the Resources block of the template",
		},
		{
			"an unresolved DependsOn", `Resources: {Q: {Type: AWS::SQS::Queue, DependsOn: X}}`,
			"Template format error: Unresolved resource dependencies [X] in the Resources block of the template",
		},
		{
			"an unresolved output", "Resources: {" + queue + "}\nOutputs: {O: {Value: !Ref X}}",
			"Template format error: Unresolved resource dependencies [X] in the Outputs block of the template",
		},
		{
			"GetAtt of nothing", `Resources: {Q: {Type: AWS::SQS::Queue, Properties: {A: !GetAtt X.Arn}}}`,
			"Template error: instance of Fn::GetAtt references undefined resource X",
		},
		{"a circle", `Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}, B: {Type: AWS::SQS::Queue, Properties: ` +
			`{A: !Ref A}}}`, "Circular dependency between resources: [A, B]"},
		{
			"an unknown condition", `Resources: {Q: {Type: AWS::SQS::Queue, Condition: X}}`,
			"Template format error: Unresolved condition dependency X in the Resources block of the template",
		},
		{"a macro", "Transform: AWS::Serverless-2016-10-31\nResources: {" + queue +
			"}", "this endpoint does not run macros: remove Transform from the template, or process it before"},
		{
			"a nested stack", `Resources: {S: {Type: AWS::CloudFormation::Stack}}`,
			"this endpoint has no nested stacks: [S] is an AWS::CloudFormation::Stack",
		},
		{
			"an alias", "Resources: {Q: &q {Type: AWS::SQS::Queue}}",
			"Template error: YAML aliases are not allowed in CloudFormation templates",
		},
	} {
		t.Run(test.behaviour, func(t *testing.T) {
			_, err := parseTemplate(test.body)
			if err == nil || message(err) != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	_, err := parseTemplate(`Resources: {Q: {Type: AWS::SQS::Queue, Properties: {A: !Transform x}}}`)
	if err == nil {
		t.Error("an unknown function is accepted")
	}
}

func TestParameterConstraints(t *testing.T) {
	template, err := parseTemplate(`
Parameters:
  Size: {Type: Number, Default: 2, MinValue: 1, MaxValue: 3}
  Name: {Type: String, AllowedPattern: "[a-z]+", MinLength: 2, MaxLength: 4}
  Kind: {Type: String, Default: a, AllowedValues: [a, b], ConstraintDescription: a or b}
Resources: {Q: {Type: AWS::SQS::Queue}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ behaviour, key, value, want string }{
		{"within", "Name", "abc", ""},
		{"missing", "Size", "2", "Parameters: [Name] must have values"},
		{"too short", "Name", "a", "Parameter 'Name' must contain at least 2 characters"},
		{"too long", "Name", "abcde", "Parameter 'Name' must contain at most 4 characters"},
		{"another pattern", "Name", "ABC", "Parameter 'Name' must match pattern [a-z]+"},
		{"no number", "Size", "two", "Parameter 'Size' must be a number."},
		{"too small", "Size", "0", "Parameter 'Size' must be a number not less than 1"},
		{"too big", "Size", "4", "Parameter 'Size' must be a number not greater than 3"},
		{"not allowed", "Kind", "c", "Parameter Kind failed to satisfy constraint: a or b"},
	} {
		t.Run(test.behaviour, func(t *testing.T) {
			given := []givenParameter{{key: test.key, value: test.value}}
			if test.key != "Name" && test.behaviour != "missing" {
				given = append(given, givenParameter{key: "Name", value: "abc"})
			}
			_, err := template.parameterValues(given, nil)
			if got := sentence(err); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func sentence(err error) string {
	if err == nil {
		return ""
	}
	return message(err)
}

func TestObjectAddresses(t *testing.T) {
	for address, want := range map[string][2]string{
		"https://templates.s3.eu-central-1.amazonaws.com/a/b.json": {"templates", "a/b.json"},
		"https://templates.s3.amazonaws.com/a.json":                {"templates", "a.json"},
		"https://s3.eu-central-1.amazonaws.com/templates/a.json":   {"templates", "a.json"},
		"http://127.0.0.1:4566/templates/a/b.json":                 {"templates", "a/b.json"},
	} {
		bucket, key, ok := objectAddress(address)
		if !ok || bucket != want[0] || key != want[1] {
			t.Errorf("%s is %s, %s, %t", address, bucket, key, ok)
		}
	}
	if _, _, ok := objectAddress("ftp://x/y/z"); ok {
		t.Error("ftp is not an S3 address")
	}
}
