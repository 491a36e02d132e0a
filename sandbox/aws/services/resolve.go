package services

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"perch/sandbox/aws/wire"
)

// Resolve returns the value of one of CloudFormation's dynamic references, without its braces, such
// as `resolve:secretsmanager:ID:SecretString:key` or `resolve:ssm:name`. Its errors have AWS's
// messages.
func (s *Service) Resolve(reference string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, rest, _ := strings.Cut(strings.TrimPrefix(reference, "resolve:"), ":")
	switch kind {
	case "secretsmanager":
		return s.resolveSecret(rest)
	case "ssm", "ssm-secure":
		return s.resolveParameter(kind, rest)
	}
	return "", wire.Errorf(
		http.StatusBadRequest, "ValidationError",
		"Incorrect format is used in the following dynamic reference: [{{%s}}]", reference,
	)
}

// resolveSecret returns the value of a reference ID:SecretString:key:stage:version. ID may be an
// ARN, which contains colons.
func (s *Service) resolveSecret(reference string) (string, error) {
	id, path, _ := strings.Cut(reference, ":SecretString")
	parts := append(strings.Split(strings.TrimPrefix(path, ":"), ":"), "", "")
	key, in := parts[0], properties{"SecretId": id}
	if parts[2] != "" {
		in["VersionId"] = parts[2]
	} else if parts[1] != "" {
		in["VersionStage"] = parts[1]
	}
	answer, err := getSecretValue(s, in)
	if err != nil {
		return "", eventError(err)
	}
	value := answer.(map[string]any)["SecretString"].(string)
	if key == "" {
		return value, nil
	}
	var object map[string]any
	if json.Unmarshal([]byte(value), &object) != nil {
		return "", wire.Errorf(http.StatusBadRequest, "ValidationError", "Could not parse SecretString JSON")
	}
	entry, ok := object[key]
	if !ok {
		return "", wire.Errorf(
			http.StatusBadRequest, "ValidationError", "Could not find a value associated with JSONKey in SecretString",
		)
	}
	return scalarText(entry), nil
}

// eventError converts an error of Secrets Manager to the message that CloudFormation shows in a
// stack event.
func eventError(err error) error {
	var answer *wire.Error
	if !errors.As(err, &answer) {
		return err
	}
	return wire.Errorf(
		answer.Status, answer.Code,
		"%s (Service: AWSSecretsManager; Status Code: %d; Error Code: %s; Request ID: %s; Proxy: null)", answer.Message,
		answer.Status, answer.Code, uuid.NewString(),
	)
}

// resolveParameter returns the value of a reference NAME or NAME:VERSION to Parameter Store.
func (s *Service) resolveParameter(kind, reference string) (string, error) {
	name, version, _ := strings.Cut(reference, ":")
	rec, err := s.parameter(name)
	value := ""
	if err == nil {
		value, err = rec.versionValue(version)
	}
	switch {
	case err != nil:
		return "", wire.Errorf(
			http.StatusBadRequest, "ValidationError", "Parameters: [%s:%s] cannot be found.", kind, reference,
		)
	case kind == "ssm" && rec.isSecure():
		return "", wire.Errorf(
			http.StatusBadRequest, "ValidationError", "Non-secure ssm prefix was used for secure parameter %s", name,
		)
	case kind == "ssm-secure" && !rec.isSecure():
		return "", wire.Errorf(
			http.StatusBadRequest, "ValidationError", "Secure ssm-secure prefix was used for non-secure parameter %s",
			name,
		)
	}
	return value, nil
}
