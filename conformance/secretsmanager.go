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

// A secret costs 40 US cents a month, so a few minutes cost nothing (AWS pricing: Secrets Manager).
var secretBeliefs = []Belief{
	{
		Name:     "secretsmanager/names-of-secrets",
		Sentence: "A secret without a name gets one that begins with its logical id, not with its stack's name.",
		Source:   coverage, ReliedOn: "deploy/iam/worker.json", Minutes: 2, check: checkSecretName,
	},
	{
		Name:     "secretsmanager/deleted-at-once",
		Sentence: "CloudFormation deletes a secret without a recovery window: its name can be used again at once.",
		Source:   coverage, ReliedOn: "activities/leftovers/presence.go", Minutes: 4, check: checkSecretDeleted,
	},
	{
		Name:     "secretsmanager/generated-once",
		Sentence: "An update of a secret's description keeps the value that was generated.",
		Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/" +
			"aws-properties-secretsmanager-secret-generatesecretstring.html",
		ReliedOn: "cfn/database.go", Minutes: 3, check: checkSecretGeneratedOnce,
	},
	{
		Name:     "secretsmanager/reference-by-arn",
		Sentence: "A dynamic reference to a secret of the same template, by its ARN, resolves to the generated value.",
		Source:   guide + "dynamic-references-secretsmanager.html",
		ReliedOn: "cfn/database.go", Minutes: 3, check: checkSecretReference,
	},
}

func checkSecretReference(ctx context.Context, w *World) error {
	reference := "!Sub \"{{resolve:secretsmanager:${Password}:SecretString}}\""
	id, err := w.create(
		ctx, "", template(secret("Description: referred to"), named(`!Ref "AWS::StackName"`, reference)),
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
		return differs("the property does not have the secret's value")
	}
	return nil
}

// secret returns a secret with a generated value as a resource; lines are more of its properties.
func secret(lines string) string {
	return "Password: {Type: AWS::SecretsManager::Secret, Properties: {" +
		"GenerateSecretString: {PasswordLength: 20}, " + lines + "}}"
}

func checkSecretName(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", template(secret("")))
	if err != nil {
		return err
	}
	arn, err := w.physical(ctx, id, "Password")
	if err == nil && !strings.Contains(arn, ":secret:Password-") {
		err = differs("the secret is %s", arn)
	}
	return err
}

func checkSecretDeleted(ctx context.Context, w *World) error {
	body := template(secret("Name: " + w.stackName("")))
	id, err := w.create(ctx, "", body)
	if err != nil {
		return err
	}
	arn, err := w.physical(ctx, id, "Password")
	if err != nil {
		return err
	}
	if err := w.remove(ctx, id, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	_, err = w.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if err := wantRejected("DescribeSecret", err, "ResourceNotFoundException", ""); err != nil {
		return err
	}
	again, err := w.begin(ctx, w.creation("-again", body))
	if err != nil {
		return err
	}
	return w.reach(ctx, again, types.StackStatusCreateComplete)
}

func checkSecretGeneratedOnce(ctx context.Context, w *World) error {
	id, err := w.create(ctx, "", template(secret("Description: before")))
	if err != nil {
		return err
	}
	before, err := w.secretValue(ctx, id)
	if err != nil {
		return err
	}
	if err := w.update(ctx, id, template(secret("Description: after")), types.StackStatusUpdateComplete); err != nil {
		return err
	}
	after, err := w.secretValue(ctx, id)
	if err == nil && (before == "" || after != before) {
		err = differs("the update changed the value")
	}
	return err
}

func (w *World) secretValue(ctx context.Context, stack string) (string, error) {
	arn, err := w.physical(ctx, stack, "Password")
	if err != nil {
		return "", err
	}
	out, err := w.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		return "", wantAccepted("GetSecretValue", err)
	}
	return aws.ToString(out.SecretString), nil
}
