package aws_test

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"perch/sandbox/aws"
)

// stores returns a world with a secret and parameters to refer to.
func stores(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, aws.Config{})
	secret := `{"user": "shop", "password": "hunter2"}`
	if _, err := secretsmanager.NewFromConfig(w.config).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: sdk.String("shop/db"), SecretString: &secret,
	}); err != nil {
		t.Fatal(err)
	}
	w.put("/shop/size", "one", ssmtypes.ParameterTypeString)
	w.put("/shop/size", "two", ssmtypes.ParameterTypeString)
	w.put("/shop/key", "open sesame", ssmtypes.ParameterTypeSecureString)
	return w
}

func (w *world) put(name, value string, kind ssmtypes.ParameterType) {
	w.t.Helper()
	in := &ssm.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: sdk.Bool(true)}
	if _, err := ssm.NewFromConfig(w.config).PutParameter(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

// parameter returns the value of a parameter.
func (w *world) parameter(name string) string {
	w.t.Helper()
	in := &ssm.GetParameterInput{Name: &name, WithDecryption: sdk.Bool(true)}
	out, err := ssm.NewFromConfig(w.config).GetParameter(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.Parameter.Value
}

// copies returns a template with a parameter whose value is value.
func copies(value string) string {
	return `{"Resources": {"Copy": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/copy", "Type": "String", ` +
		`"Value": ` + value + `}}}}`
}

func TestS137DynamicReferencesAreResolvedWhereAResourceIsMade(t *testing.T) {
	for name, test := range map[string]struct{ value, want string }{
		"a key of a secret":     {`"{{resolve:secretsmanager:shop/db:SecretString:password}}"`, "hunter2"},
		"a stage of a secret":   {`"{{resolve:secretsmanager:shop/db:SecretString:password:AWSCURRENT}}"`, "hunter2"},
		"a whole secret":        {`"{{resolve:secretsmanager:shop/db}}"`, `{"user": "shop", "password": "hunter2"}`},
		"a parameter":           {`"{{resolve:ssm:/shop/size}}"`, "two"},
		"a parameter's version": {`"{{resolve:ssm:/shop/size:1}}"`, "one"},
		"two in one text": {
			`{"Fn::Sub": "${AWS::Region}-{{resolve:ssm:/shop/size}}-{{resolve:ssm:/shop/size:1}}!"}`,
			"eu-central-1-two-one!",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := stores(t)
			id := w.create("shop-a", copies(test.value))
			w.reach(id, "CREATE_COMPLETE")
			if got := w.parameter("/copy"); got != test.want {
				t.Errorf("the resource has %q, want %q", got, test.want)
			}
			w.neverShows(id, "hunter2")
		})
	}
}

// neverShows checks that a stack's template and events do not contain a text.
func (w *world) neverShows(id, secret string) {
	w.t.Helper()
	template, err := w.stacks.GetTemplate(w.t.Context(), &cloudformation.GetTemplateInput{StackName: &id})
	if err != nil {
		w.t.Fatal(err)
	}
	events, err := w.stacks.DescribeStackEvents(w.t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &id})
	if err != nil {
		w.t.Fatal(err)
	}
	shown := []string{*template.TemplateBody}
	for _, e := range events.StackEvents {
		shown = append(shown, sdk.ToString(e.ResourceProperties), sdk.ToString(e.ResourceStatusReason))
	}
	if strings.Contains(strings.Join(shown, "\n"), secret) {
		w.t.Errorf("the API shows %q", secret)
	}
}

func TestS137ASecretThatIsMissingFailsItsResource(t *testing.T) {
	for reference, want := range map[string]string{
		"secretsmanager:shop/none:SecretString:password": "Secrets Manager can't find the specified secret. " +
			"(Service: AWSSecretsManager; Status Code: 400; Error Code: ResourceNotFoundException;",
		"secretsmanager:shop/db:SecretString:none": "Could not find a value associated with JSONKey in SecretString",
	} {
		w := stores(t)
		id := w.create("shop-a", copies(`"{{resolve:`+reference+`}}"`))
		w.reach(id, "ROLLBACK_COMPLETE")
		out, err := w.stacks.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &id})
		if err != nil {
			t.Fatal(err)
		}
		var reasons []string
		for _, e := range out.StackEvents {
			if e.ResourceStatus == types.ResourceStatusCreateFailed {
				reasons = append(reasons, *e.LogicalResourceId+": "+*e.ResourceStatusReason)
			}
		}
		if got := strings.Join(reasons, "\n"); !strings.HasPrefix(got, "Copy: "+want) {
			t.Errorf("%s: %s", reference, got)
		}
	}
}

func TestS137AParameterThatIsMissingIsRejectedBeforeAnythingStarts(t *testing.T) {
	w := stores(t)
	for value, want := range map[string]string{
		`"{{resolve:ssm:/shop/none}}"`:   "Parameters: [ssm:/shop/none] cannot be found.",
		`"{{resolve:ssm:/shop/size:3}}"`: "Parameters: [ssm:/shop/size:3] cannot be found.",
		`"{{resolve:ssm:/shop/size:prod}}"`: "Incorrect format is used in the following SSM reference: " +
			"[{{resolve:ssm:/shop/size:prod}}]",
		`"{{resolve:ssm:/shop/key}}"`: "Non-secure ssm prefix was used for secure parameter /shop/key",
		`"{{resolve:ssm-secure:/shop/key}}"`: "SSM Secure reference is not supported in: " +
			"[AWS::SSM::Parameter/Properties/Value]",
	} {
		in := &cloudformation.CreateStackInput{StackName: sdk.String("shop-a"), TemplateBody: sdk.String(copies(value))}
		_, err := w.stacks.CreateStack(t.Context(), in)
		if wantCode(t, err, "ValidationError"); err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
	const versionless = `{"Parameters": {"Size": {"Type": "String", "Default": "{{resolve:ssm:/shop/size}}"}}, ` +
		`"Resources": {"A": {"Type": "AWS::S3::Bucket"}}}`
	_, err := w.stacks.CreateStack(
		t.Context(),
		&cloudformation.CreateStackInput{StackName: sdk.String("shop-a"), TemplateBody: sdk.String(versionless)},
	)
	if err == nil ||
		!strings.Contains(err.Error(), "Template error: parameter Size should not contain ssm versionless resolver") {
		t.Errorf("a default without a version: %v", err)
	}
}

func TestASecureParameterIsAPasswordAndNothingElse(t *testing.T) {
	const database = `{"Resources": {"Database": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Delete", "Properties": {
  "Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20", "MasterUsername": "shop",
  "MasterUserPassword": "{{resolve:ssm-secure:/shop/key:1}}"}}}}`
	w := stores(t)
	id := w.create("shop-a", database)
	w.reach(id, "CREATE_COMPLETE")
	w.neverShows(id, "open sesame")
}

// TestAnUpdateReadsParametersAgain checks that every update reads parameters again, and secrets
// only if their resource changes for another reason.
func TestAnUpdateReadsParametersAgain(t *testing.T) {
	w := stores(t)
	id := w.create("shop-a", copies(`"{{resolve:ssm:/shop/size}}"`))
	w.reach(id, "CREATE_COMPLETE")
	same := &cloudformation.UpdateStackInput{StackName: &id, UsePreviousTemplate: sdk.Bool(true)}
	if _, err := w.stacks.UpdateStack(
		t.Context(), same,
	); err == nil || !strings.Contains(err.Error(), "No updates are to be performed.") {
		t.Errorf("an update without a change: %v", err)
	}
	w.put("/shop/size", "three", ssmtypes.ParameterTypeString)
	if _, err := w.stacks.UpdateStack(t.Context(), same); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_COMPLETE")
	if got := w.parameter("/copy"); got != "three" {
		t.Errorf("after the update the resource has %q", got)
	}
}

// TestAnOutputShowsAReferenceAsItIs checks that an output shows a reference as it is written.
func TestAnOutputShowsAReferenceAsItIs(t *testing.T) {
	w := stores(t)
	const reference = "{{resolve:secretsmanager:shop/db:SecretString:password}}"
	body := strings.TrimSuffix(copies(`"x"`), "}") + `, "Outputs": {"Secret": {"Value": "` + reference + `"}}}`
	id := w.create("shop-a", body)
	w.reach(id, "CREATE_COMPLETE")
	if got := sdk.ToString(w.describe(id).Outputs[0].OutputValue); got != reference {
		t.Errorf("the output is %q", got)
	}
}
