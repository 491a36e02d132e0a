package aws_test

import (
	"strings"
	"testing"

	"perch/sandbox/aws"
)

const buckets = `
Parameters: {Versioning: {Type: String, Default: Enabled}}
Resources:
  Assets:
    Type: AWS::S3::Bucket
    Properties: {VersioningConfiguration: {Status: !Ref Versioning}}
Outputs:
  Assets: {Value: !Ref Assets}
`

func TestForeignClientDeploysAndRemovesAStack(t *testing.T) {
	w := newWorld(t, aws.Config{})
	template := write(t, "template.yaml", buckets)
	out := w.mustCLI(
		"cloudformation", "deploy", "--stack-name", "shop-a", "--template-file", template, "--tags", "branch=feature/a",
	)
	if !strings.Contains(out, "Successfully created/updated stack - shop-a") {
		t.Errorf("deploy said %s", out)
	}
	out = w.mustCLI(
		"cloudformation", "deploy", "--stack-name", "shop-a", "--template-file", template, "--tags", "branch=feature/a",
		"--no-fail-on-empty-changeset",
	)
	if !strings.Contains(out, "No changes to deploy. Stack shop-a is up to date") {
		t.Errorf("the second deploy said %s", out)
	}
	// The CLI names a change set after the second in which it creates it, and does not delete one
	// without changes.
	for _, id := range strings.Fields(w.mustCLI(
		"cloudformation", "list-change-sets", "--stack-name", "shop-a", "--query", "Summaries[].ChangeSetId",
		"--output", "text",
	)) {
		w.mustCLI("cloudformation", "delete-change-set", "--change-set-name", id)
	}
	w.mustCLI(
		"cloudformation", "deploy", "--stack-name", "shop-a", "--template-file", template, "--tags", "branch=feature/a",
		"--parameter-overrides", "Versioning=Suspended",
	)
	got := w.mustCLI(
		"cloudformation", "describe-stacks", "--stack-name", "shop-a", "--query",
		"Stacks[0].[StackStatus,Tags[0].Value,Parameters[0].ParameterValue]", "--output", "text",
	)
	if got != "UPDATE_COMPLETE\tfeature/a\tSuspended" {
		t.Errorf("describe-stacks: %q", got)
	}
	bucket := w.mustCLI(
		"cloudformation", "describe-stacks", "--stack-name", "shop-a", "--query", "Stacks[0].Outputs[0].OutputValue",
		"--output", "text",
	)
	w.mustCLI("s3api", "put-object", "--bucket", bucket, "--key", "a/b.txt", "--body", template)
	w.mustCLI("cloudformation", "delete-stack", "--stack-name", "shop-a")
	w.reach("shop-a", "DELETE_FAILED")
	if out, err := w.cli("cloudformation", "wait", "stack-delete-complete", "--stack-name", "shop-a"); err == nil {
		t.Errorf("the waiter takes a failed deletion for a good one: %s", out)
	}
	w.mustCLI("s3", "rm", "s3://"+bucket, "--recursive")
	id := w.mustCLI("cloudformation", "describe-stacks", "--query", "Stacks[0].StackId", "--output", "text")
	w.emptyBucket(bucket)
	w.mustCLI("cloudformation", "delete-stack", "--stack-name", "shop-a")
	w.reach(id, "DELETE_COMPLETE")
	w.mustCLI("cloudformation", "wait", "stack-delete-complete", "--stack-name", "shop-a")
}

func TestForeignClientGetsAWSErrors(t *testing.T) {
	w := newWorld(t, aws.Config{})
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{
			[]string{"cloudformation", "describe-stacks", "--stack-name", "shop-a"},
			"An error occurred (ValidationError) when calling the DescribeStacks operation: Stack with id shop-a " +
				"does not exist",
		},
		{
			[]string{"cloudformation", "list-stack-sets"},
			"An error occurred (InvalidAction) when calling the ListStackSets operation",
		},
		{
			[]string{"dynamodb", "list-tables"},
			"An error occurred (UnknownOperationException) when calling the ListTables operation",
		},
		{[]string{"sns", "list-topics"}, "An error occurred (InvalidAction) when calling the ListTopics operation"},
	} {
		out, err := w.cli(test.arguments...)
		if err == nil || !strings.Contains(out, test.want) {
			t.Errorf("aws %s: %v %s", strings.Join(test.arguments, " "), err, out)
		}
	}
}

func TestForeignClientValidatesATemplate(t *testing.T) {
	w := newWorld(t, aws.Config{})
	got := w.mustCLI(
		"cloudformation", "validate-template", "--template-body", buckets, "--query",
		"Parameters[0].[ParameterKey,DefaultValue]", "--output", "text",
	)
	if got != "Versioning\tEnabled" {
		t.Errorf("validate-template: %q", got)
	}
}
