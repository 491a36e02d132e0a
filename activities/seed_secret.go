package activities

import (
	"context"
	"html"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"perch/activities/awserr"
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
		if awserr.HasCode(err, "ResourceNotFoundException") {
			return "", s.failed("secret %s (%s) is not there; make it, or correct `secrets` in perch.yaml", name, arn)
		}
		if err != nil {
			return "", awserr.Wrap(err, "read secret %s (%s)", name, arn)
		}
		return aws.ToString(out.SecretString), nil
	}
	out, err := s.systems.GetParameter(ctx, &ssm.GetParameterInput{Name: &arn, WithDecryption: aws.Bool(true)})
	if awserr.HasCode(err, "ParameterNotFound") {
		return "", s.failed("secret %s (%s) is not there; make it, or correct `secrets` in perch.yaml", name, arn)
	}
	if err != nil {
		return "", awserr.Wrap(err, "read secret %s (%s)", name, arn)
	}
	return aws.ToString(out.Parameter.Value), nil
}

// hide takes a secret out of a text, as it is and as JSON, HTML and addresses spell it: each of them leaves it to the writer which characters to put
// in another way.
func hide(text, secret string) string {
	if secret == "" {
		return text
	}
	text = strings.ReplaceAll(text, secret, "***")
	var b strings.Builder
	for len(text) > 0 {
		if length := spelled(text, secret); length > 0 {
			b.WriteString("***")
			text = text[length:]
		} else {
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	return b.String()
}

// spelled is how many bytes at the beginning of text spell the secret; 0 where they do not.
func spelled(text, secret string) (length int) {
	for i := range len(secret) {
		letter := spelledLetter(text[length:], secret[i])
		if letter == 0 {
			return 0
		}
		length += letter
	}
	return length
}

// longestEntity is the longest way to spell one plain character in HTML, in bytes, such as &percnt; or &#0000043;.
const longestEntity = 12

func spelledLetter(text string, c byte) int {
	switch {
	case text == "":
		return 0
	case text[0] == '%' && hexadecimal(text, 1, 3, c):
		return 3
	case strings.HasPrefix(text, `\u`) && hexadecimal(text, 2, 6, c):
		return 6
	case text[0] == '\\' && len(text) > 1 && text[1] == c && strings.IndexByte(`"'/\`, c) >= 0:
		return 2
	case text[0] == '&':
		if end := strings.IndexByte(text[:min(len(text), longestEntity)], ';'); end > 0 && html.UnescapeString(text[:end+1]) == string(rune(c)) {
			return end + 1
		}
	case text[0] == '+' && c == ' ':
		return 1
	}
	if text[0] == c {
		return 1
	}
	return 0
}

// hexadecimal reports whether the digits in text from one place to another are the number of c.
func hexadecimal(text string, from, to int, c byte) bool {
	if len(text) < to {
		return false
	}
	number, err := strconv.ParseUint(text[from:to], 16, 32)
	return err == nil && number == uint64(c)
}
