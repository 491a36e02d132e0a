package services

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"perch/sandbox/aws/wire"
)

const typeParameter = "AWS::SSM::Parameter"

var parameterKinds = map[string]kind{
	typeParameter: {service: "Ssm", named: "Name", limit: 1011, prepare: prepareParameter},
}

func prepareParameter(s *Service, rec *record) error {
	if other := s.named(typeParameter, rec.Name); other != nil && other != rec {
		return failure("Ssm", http.StatusBadRequest, "AlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	}
	kind := rec.Properties.text("Type")
	if kind != "String" && kind != "StringList" {
		return invalid("Ssm", "Type %s is not supported: CloudFormation makes parameters of type String and StringList", kind)
	}
	rec.ARN = s.arn("ssm", "parameter/"+strings.TrimPrefix(rec.Name, "/"))
	rec.Attributes["Type"], rec.Attributes["Value"] = kind, rec.Properties.text("Value")
	return nil
}

// systemsActions are Systems Manager's: Parameter Store and Run Command.
var systemsActions = map[string]jsonAction{
	"GetParameter":           getParameter,
	"DescribeParameters":     describeParameters,
	"SendCommand":            sendCommand,
	"GetCommandInvocation":   getInvocation,
	"ListCommandInvocations": listInvocations,
}

func (s *Service) parameter(reference string) (*record, error) {
	for _, rec := range s.of(typeParameter) {
		if rec.Name == reference || rec.ARN == reference {
			return rec, nil
		}
	}
	return nil, wire.Errorf(http.StatusBadRequest, "ParameterNotFound", "")
}

func getParameter(s *Service, in properties) (any, error) {
	rec, err := s.parameter(in.text("Name"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"Parameter": map[string]any{
		"Name": rec.Name, "Type": rec.Attributes["Type"], "Value": rec.Attributes["Value"], "Version": 1,
		"LastModifiedDate": epoch(rec.Updated), "ARN": rec.ARN, "DataType": "text",
	}}, nil
}

// describeParameters lists parameters; of the filters it knows Name, by equality or prefix.
func describeParameters(s *Service, in properties) (any, error) {
	found := []map[string]any{}
	for _, rec := range s.of(typeParameter) {
		matches := true
		for _, filter := range in.children("ParameterFilters") {
			if filter.text("Key") != "Name" {
				return nil, wire.Errorf(http.StatusBadRequest, "InvalidFilterKey", "The filter key %s is not valid; only Name is.", filter.text("Key"))
			}
			matches = matches && slices.ContainsFunc(filter.texts("Values"), func(value string) bool {
				return rec.Name == value || filter.text("Option") == "BeginsWith" && strings.HasPrefix(rec.Name, value)
			})
		}
		if matches {
			found = append(found, map[string]any{"Name": rec.Name, "ARN": rec.ARN, "Type": rec.Attributes["Type"], "Version": 1,
				"LastModifiedDate": epoch(rec.Updated), "Description": rec.Properties.text("Description"), "Tier": "Standard", "DataType": "text"})
		}
	}
	page, next := paged(found, in.text("NextToken"), in.text("MaxResults"), 50)
	return withToken(map[string]any{"Parameters": page}, "NextToken", next), nil
}

// Resolve gives the value of a dynamic reference of CloudFormation without its braces, such as
// `resolve:secretsmanager:ID:SecretString:key` or `resolve:ssm:name`. What cannot be resolved is an error in AWS's words.
func (s *Service) Resolve(reference string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, rest, _ := strings.Cut(strings.TrimPrefix(reference, "resolve:"), ":")
	switch kind {
	case "secretsmanager":
		return s.resolveSecret(rest)
	case "ssm", "ssm-secure":
		return s.resolveParameter(rest)
	}
	return "", wire.Errorf(http.StatusBadRequest, "ValidationError", "Incorrect format is used in the following dynamic reference: [{{%s}}]", reference)
}

// resolveSecret reads ID:SecretString:key:stage:version, where ID may be an ARN with colons of its own.
func (s *Service) resolveSecret(reference string) (string, error) {
	id, path, _ := strings.Cut(reference, ":SecretString")
	secret, err := s.secret(id)
	if err != nil {
		return "", err
	}
	value := secret.Hidden["value"]
	key, _, _ := strings.Cut(strings.TrimPrefix(path, ":"), ":")
	if key == "" {
		return value, nil
	}
	var object map[string]any
	if json.Unmarshal([]byte(value), &object) != nil {
		return "", wire.Errorf(http.StatusBadRequest, "ValidationError", "Could not parse SecretString JSON")
	}
	entry, ok := object[key]
	if !ok {
		return "", wire.Errorf(http.StatusBadRequest, "ValidationError", "Could not find a value associated with JSONKey in SecretString")
	}
	return scalar(entry), nil
}

// resolveParameter reads name or name:version; parameters here have one version.
func (s *Service) resolveParameter(reference string) (string, error) {
	name := strings.TrimSuffix(reference, ":1")
	rec, err := s.parameter(name)
	if err != nil {
		return "", wire.Errorf(http.StatusBadRequest, "ValidationError", "Unable to fetch parameters [%s] from parameter store for this account.", reference)
	}
	return rec.Attributes["Value"], nil
}
