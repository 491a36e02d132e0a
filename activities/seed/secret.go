package seed

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"perch/activities/awserr"
)

// longestSecret is the length of the longest value that goes into a header, in bytes.
const longestSecret = 4096

// readSecret reads the value of one of the settings' secrets, which the policy has admitted. The
// value never leaves this process, except in the request.
func (s *seeding) readSecret(ctx context.Context, name string) (string, error) {
	arn := s.in.Settings.Secrets[name]
	value, err := s.readStored(ctx, name, arn)
	if err != nil {
		return "", err
	}
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "", s.fail("secret %s (%s) has no text", name, arn)
	case len(value) > longestSecret || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
		return "", s.fail(
			"secret %s (%s) does not fit into a header: use one line of at most %d plain characters",
			name,
			arn,
			longestSecret,
		)
	}
	return value, nil
}

func (s *seeding) readStored(ctx context.Context, name, arn string) (string, error) {
	if strings.Contains(arn, ":secretsmanager:") {
		out, err := s.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
		if awserr.HasCode(err, "ResourceNotFoundException") {
			return "", s.fail("secret %s (%s) is not there; make it, or correct `secrets` in perch.yaml", name, arn)
		}
		if err != nil {
			return "", awserr.Wrap(err, "read secret %s (%s)", name, arn)
		}
		return aws.ToString(out.SecretString), nil
	}
	out, err := s.systems.GetParameter(ctx, &ssm.GetParameterInput{Name: &arn, WithDecryption: aws.Bool(true)})
	if awserr.HasCode(err, "ParameterNotFound") {
		return "", s.fail("secret %s (%s) is not there; make it, or correct `secrets` in perch.yaml", name, arn)
	}
	if err != nil {
		return "", awserr.Wrap(err, "read secret %s (%s)", name, arn)
	}
	return aws.ToString(out.Parameter.Value), nil
}
