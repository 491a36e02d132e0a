package spec_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch/cfn/spec"
)

func TestKnown(t *testing.T) {
	if !spec.Known("AWS::S3::Bucket") {
		t.Error("AWS::S3::Bucket is not known")
	}
	if spec.Known("AWS::S3::Pail") {
		t.Error("AWS::S3::Pail is known")
	}
}

func TestReplaces(t *testing.T) {
	for _, test := range []struct {
		name, resourceType, property string
		want                         bool
	}{
		{"a change that always replaces", "AWS::ElasticBeanstalk::Environment", "SolutionStackName", true},
		{"a change in place", "AWS::ElasticBeanstalk::Environment", "VersionLabel", false},
		{"a change that may replace", "AWS::RDS::DBInstance", "Engine", false},
		{"an unknown property", "AWS::S3::Bucket", "Colour", false},
		{"an unknown type", "AWS::S3::Pail", "BucketName", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := spec.Replaces(test.resourceType, test.property); got != test.want {
				t.Errorf("Replaces(%s, %s) = %v, want %v", test.resourceType, test.property, got, test.want)
			}
		})
	}
}

func TestReplacing(t *testing.T) {
	for _, test := range []struct {
		name, resourceType string
		path               []string
		want               spec.Replacement
	}{
		{"a change that always replaces", "AWS::RDS::DBInstance", []string{"DBName"}, spec.Yes},
		{"a change that may replace", "AWS::RDS::DBInstance", []string{"Engine"}, spec.Maybe},
		{"a change in place", "AWS::RDS::DBInstance", []string{"DBInstanceClass"}, spec.No},
		{
			"a property below one that does not", "AWS::ElasticBeanstalk::Environment", []string{"Tier", "Name"},
			spec.Yes,
		},
		{"its neighbour", "AWS::ElasticBeanstalk::Environment", []string{"Tier", "Version"}, spec.No},
		{"below a list", "AWS::S3::Bucket", []string{"Tags", "Key"}, spec.No},
		{"an unknown property", "AWS::S3::Bucket", []string{"Colour"}, spec.Unknown},
		{"an unknown type", "AWS::S3::Pail", []string{"BucketName"}, spec.Unknown},
		{"no property", "AWS::S3::Bucket", nil, spec.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := spec.Replacing(test.resourceType, test.path...); got != test.want {
				t.Errorf("Replacing(%s, %v) = %v, want %v", test.resourceType, test.path, got, test.want)
			}
		})
	}
}

func TestStateful(t *testing.T) {
	if !spec.Stateful("AWS::RDS::DBInstance") || spec.Stateful("AWS::IAM::Role") || spec.Stateful("AWS::S3::Pail") {
		t.Error("a database holds data, a role does not, and of an unknown type nothing is known")
	}
}

func TestAttributes(t *testing.T) {
	if got := spec.Attributes("AWS::RDS::DBInstance"); !slices.Contains(got, "Endpoint.Address") {
		t.Errorf("attributes of a database are %v, without Endpoint.Address", got)
	}
	if got := spec.Attributes("AWS::S3::Pail"); len(got) != 0 {
		t.Errorf("attributes of an unknown type are %v", got)
	}
	changed := spec.Attributes("AWS::S3::Bucket")
	changed[0] = "Other"
	if spec.Attributes("AWS::S3::Bucket")[0] == "Other" {
		t.Error("a caller can change the specification")
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name, resource string
		want           []string
	}{
		{"a bucket without properties", `{"Type": "AWS::S3::Bucket"}`, nil},
		{"scalars as strings", `{"Type": "AWS::RDS::DBInstance", "Properties": {"AllocatedStorage": 20, ` +
			`"BackupRetentionPeriod": "7", "MultiAZ": "true"}}`, nil},
		{"intrinsics anywhere", `{"Type": "AWS::S3::Bucket", "Properties": {"Tags": {"Fn::If": ["A", [], []]}, ` +
			`"BucketName": {"Ref": "X"}, "VersioningConfiguration": {"Fn::GetAtt": ["A", "B"]}}}`, nil},
		{
			"a policy as an object",
			`{"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "b", "PolicyDocument": {"Statement": []}}}`,
			nil,
		},
		{
			"a policy as text",
			`{"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "b", "PolicyDocument": "{}"}}`, nil,
		},
		{
			"a map of strings",
			`{"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v", "Tags": {"a": "b"}}}`, nil,
		},
		{
			"an unknown type", `{"Type": "AWS::S3::Pail"}`,
			[]string{`Resources.It: unknown resource type "AWS::S3::Pail"`},
		},
		{"no object", `"AWS::S3::Bucket"`, []string{"Resources.It: must be an object"}},
		{
			"properties that are a list", `{"Type": "AWS::S3::Bucket", "Properties": []}`,
			[]string{"Resources.It.Properties: must be an object"},
		},
		{
			"an unknown property", `{"Type": "AWS::S3::Bucket", "Properties": {"Colour": "red"}}`,
			[]string{"Resources.It.Properties: unknown property Colour"},
		},
		{
			"a missing property", `{"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "b"}}`,
			[]string{"Resources.It.Properties: required property PolicyDocument is missing"},
		},
		{
			"a property that is removed",
			`{"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "AWS::NoValue"}, "PolicyDocument": ` +
				`{}}}`,
			[]string{"Resources.It.Properties: required property Bucket is missing"},
		},
		{
			"a nested unknown property",
			`{"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled", "Mode": 1}}}`,
			[]string{"Resources.It.Properties.VersioningConfiguration: unknown property Mode"},
		},
		{
			"a nested missing property", `{"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {}}}`,
			[]string{"Resources.It.Properties.VersioningConfiguration: required property Status is missing"},
		},
		{
			"a tag without a value", `{"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "k"}]}}`,
			[]string{"Resources.It.Properties.Tags[0]: required property Value is missing"},
		},
		{
			"an object for a list", `{"Type": "AWS::S3::Bucket", "Properties": {"Tags": {"Key": "k", "Value": "v"}}}`,
			[]string{"Resources.It.Properties.Tags: must be a list, not an object"},
		},
		{
			"a list for an object", `{"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": []}}`,
			[]string{"Resources.It.Properties.VersioningConfiguration: must be an object, not a list"},
		},
		{
			"a word for a number", `{"Type": "AWS::RDS::DBInstance", "Properties": {"BackupRetentionPeriod": "many"}}`,
			[]string{`Resources.It.Properties.BackupRetentionPeriod: must be of type integer, not "many"`},
		},
		{
			"a fraction for an integer",
			`{"Type": "AWS::RDS::DBInstance", "Properties": {"BackupRetentionPeriod": 1.5}}`,
			[]string{"Resources.It.Properties.BackupRetentionPeriod: must be of type integer, not 1.5"},
		},
		{
			"a number for a boolean", `{"Type": "AWS::RDS::DBInstance", "Properties": {"MultiAZ": 1}}`,
			[]string{"Resources.It.Properties.MultiAZ: must be of type boolean, not 1"},
		},
		{
			"an object for a string", `{"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Name": "b"}}}`,
			[]string{"Resources.It.Properties.BucketName: must be of type string, not an object"},
		},
		{
			"null for a string", `{"Type": "AWS::S3::Bucket", "Properties": {"BucketName": null}}`,
			[]string{"Resources.It.Properties.BucketName: must be of type string, not null"},
		},
		{
			"a list for a map",
			`{"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v", "Tags": []}}`,
			[]string{"Resources.It.Properties.Tags: must be a map, not a list"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, check(t, `{"Resources": {"It": `+test.resource+`}}`)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckRejectsATemplateWithoutResources(t *testing.T) {
	if got := check(t, `{"Outputs": {}}`); len(got) != 1 {
		t.Errorf("errors are %q, want one", got)
	}
}

func check(t *testing.T, text string) []string {
	t.Helper()
	var template map[string]any
	if err := json.Unmarshal([]byte(text), &template); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, err := range spec.Check(template) {
		found = append(found, err.Error())
	}
	return found
}
