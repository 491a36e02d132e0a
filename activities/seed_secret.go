package activities

import (
	"context"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// longestSecret is the longest value that goes into a header, in bytes.
const longestSecret = 4096

// secret reads the value of one of the settings' secrets, which the policy has admitted. It stays in this process: it goes into a request and
// nowhere else.
func (s *seeding) secret(ctx context.Context, name string) (string, error) {
	arn := s.settings.Secrets[name]
	value, err := s.read(ctx, name, arn)
	if err != nil {
		return "", err
	}
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "", s.failed("secret %s (%s) has no text", name, arn)
	case len(value) > longestSecret || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
		return "", s.failed("secret %s (%s) does not fit into a header: that takes one line of at most %d plain characters", name, arn, longestSecret)
	}
	return value, nil
}

func (s *seeding) read(ctx context.Context, name, arn string) (string, error) {
	if strings.Contains(arn, ":secretsmanager:") {
		out, err := s.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
		if missing(err, "ResourceNotFoundException") {
			return "", s.failed("secret %s (%s) is not there; make it, or correct `secrets` in perch.yaml", name, arn)
		}
		if err != nil {
			return "", awsFailure(err, "read secret %s (%s)", name, arn)
		}
		return aws.ToString(out.SecretString), nil
	}
	out, err := s.systems.GetParameter(ctx, &ssm.GetParameterInput{Name: &arn, WithDecryption: aws.Bool(true)})
	if missing(err, "ParameterNotFound") {
		return "", s.failed("secret %s (%s) is not there; make it, or correct `secrets` in perch.yaml", name, arn)
	}
	if err != nil {
		return "", awsFailure(err, "read secret %s (%s)", name, arn)
	}
	return aws.ToString(out.Parameter.Value), nil
}

// quotes are the ways in which JSON and HTML are written that put something else in the place of a quote, an ampersand or a bracket.
var quotes = []*strings.Replacer{
	strings.NewReplacer(),
	strings.NewReplacer(`\`, `\\`, `"`, `\"`),
	strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", `\u0026`, "<", `\u003c`, ">", `\u003e`),
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;"),
	strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;"),
}

// hiding takes a secret out of a text, as it is and as JSON, HTML and addresses spell it.
func hiding(value string) *strings.Replacer {
	pairs := []string{url.QueryEscape(value), "***", url.PathEscape(value), "***"}
	for _, quote := range quotes {
		pairs = append(pairs, quote.Replace(value), "***")
	}
	return strings.NewReplacer(pairs...)
}
