package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

const coverage = "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1999"

// A secret costs 40 US cents a month, so a few minutes cost almost nothing (AWS pricing: Secrets
// Manager).
var secretAssumptions = []Assumption{
	{
		Name: "secretsmanager/names-of-secrets",
		Sentence: "If the template does not name a secret, the secret's name begins with its logical id, and not " +
			"with the stack's name.",
		Source: coverage, ReliedOn: "deploy/iam/worker.json", Minutes: 2, check: checkSecretName,
	},
	{
		Name:     "secretsmanager/deleted-at-once",
		Sentence: "CloudFormation deletes a secret without a recovery window. A new secret can use its name at once.",
		Source:   coverage, ReliedOn: "activities/leftovers/presence.go", Minutes: 4, check: checkSecretDeleted,
	},
	{
		Name:     "secretsmanager/generated-once",
		Sentence: "An update of a secret's description keeps the generated value.",
		Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/" +
			"aws-properties-secretsmanager-secret-generatesecretstring.html",
		ReliedOn: "cfn/database.go", Minutes: 3, check: checkSecretGeneratedOnce,
	},
	{
		Name:     "secretsmanager/reference-by-arn",
		Sentence: "A dynamic reference by ARN to a secret of the same template resolves to the generated value.",
		Source:   guide + "dynamic-references-secretsmanager.html",
		ReliedOn: "cfn/database.go", Minutes: 3, check: checkSecretReference,
	},
}

func checkSecretReference(ctx context.Context, w *World) error {
	reference := "!Sub \"{{resolve:secretsmanager:${Password}:SecretString}}\""
	id, err := w.createStack(
		ctx, "", template(secret("Description: referred to"), namedParameter(`!Ref "AWS::StackName"`, reference)),
	)
	if err != nil {
		return err
	}
	want, err := w.secretValue(ctx, id)
	if err != nil {
		return err
	}
	out, err := w.systems.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(w.stackName(""))})
	if err := wantAccepted("GetParameter", err); err != nil {
		return err
	}
	if want == "" || aws.ToString(out.Parameter.Value) != want {
		return differencef("the property does not have the secret's value")
	}
	return nil
}

// secret returns the resource of a secret with a generated value. lines has additional properties.
func secret(lines string) string {
	return "Password: {Type: AWS::SecretsManager::Secret, Properties: {" +
		"GenerateSecretString: {PasswordLength: 20}, " + lines + "}}"
}

func checkSecretName(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", template(secret("")))
	if err != nil {
		return err
	}
	arn, err := w.physicalID(ctx, id, "Password")
	if err == nil && !strings.Contains(arn, ":secret:Password-") {
		err = differencef("the secret has the ARN %s, want a name that begins with its logical id Password", arn)
	}
	return err
}

func checkSecretDeleted(ctx context.Context, w *World) error {
	body := template(secret("Name: " + w.stackName("")))
	id, err := w.createStack(ctx, "", body)
	if err != nil {
		return err
	}
	arn, err := w.physicalID(ctx, id, "Password")
	if err != nil {
		return err
	}
	if err := w.deleteStack(ctx, id, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	_, err = w.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if err := wantRejected("DescribeSecret", err, "ResourceNotFoundException", ""); err != nil {
		return err
	}
	again, err := w.startCreate(ctx, w.createInput("-again", body))
	if err != nil {
		return err
	}
	return w.wantStatus(ctx, again, types.StackStatusCreateComplete)
}

func checkSecretGeneratedOnce(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", template(secret("Description: before")))
	if err != nil {
		return err
	}
	before, err := w.secretValue(ctx, id)
	if err != nil {
		return err
	}
	body := template(secret("Description: after"))
	if err := w.updateStack(ctx, id, body, types.StackStatusUpdateComplete); err != nil {
		return err
	}
	after, err := w.secretValue(ctx, id)
	if err == nil && (before == "" || after != before) {
		err = differencef("the update changed the value")
	}
	return err
}

func (w *World) secretValue(ctx context.Context, stack string) (string, error) {
	arn, err := w.physicalID(ctx, stack, "Password")
	if err != nil {
		return "", err
	}
	out, err := w.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		return "", wantAccepted("GetSecretValue", err)
	}
	return aws.ToString(out.SecretString), nil
}
