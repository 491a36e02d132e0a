package services

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

const (
	typeParameter = "AWS::SSM::Parameter"
	secureString  = "SecureString"
)

var parameterKinds = map[string]kind{
	typeParameter: {service: "Ssm", nameProperty: "Name", limit: 1011, prepare: prepareParameter},
}

func prepareParameter(s *Service, rec *record) error {
	if other := s.findByName(typeParameter, rec.Name); other != nil && other != rec {
		return handlerError(
			"Ssm", http.StatusBadRequest, "AlreadyExists",
			"The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
		)
	}
	kind := rec.Properties.text("Type")
	if kind != "String" && kind != "StringList" {
		return invalidRequest(
			"Ssm", "Type %s is not supported: CloudFormation creates only parameters of type String and StringList",
			kind,
		)
	}
	s.setParameter(rec, kind, rec.Properties.text("Value"))
	return nil
}

// setParameter sets the value of a parameter. If the value is different, it creates a new version.
func (s *Service) setParameter(rec *record, kind, value string) {
	rec.ARN = s.arn("ssm", "parameter/"+strings.TrimPrefix(rec.Name, "/"))
	last, _ := strconv.Atoi(rec.Hidden["version"])
	if last == 0 || rec.Attributes["Value"] != value {
		rec.Hidden["version"] = strconv.Itoa(last + 1)
		rec.Hidden["value "+rec.Hidden["version"]] = value
	}
	rec.Attributes["Type"], rec.Attributes["Value"] = kind, value
}

// isSecure reports whether a parameter is a secure string.
func (r *record) isSecure() bool { return r.Attributes["Type"] == secureString }

// versionValue returns the value of a version of a parameter; that of the latest version if number
// is empty.
func (r *record) versionValue(number string) (string, error) {
	if value, ok := r.Hidden["value "+cmp.Or(number, r.Hidden["version"])]; ok {
		return value, nil
	}
	return "", wire.Errorf(http.StatusBadRequest, "ParameterVersionNotFound",
		"Systems Manager could not find version %s of %s. Verify the version and try again.", number, r.Name)
}

// systemsActions are the actions of Systems Manager, for Parameter Store and Run Command.
var systemsActions = map[string]jsonAction{
	"GetParameter":           getParameter,
	"PutParameter":           putParameter,
	"SendCommand":            sendCommand,
	"GetCommandInvocation":   getInvocation,
	"ListCommandInvocations": listInvocations,
}

func (s *Service) parameter(reference string) (*record, error) {
	for _, rec := range s.recordsOf(typeParameter) {
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
	value := rec.Attributes["Value"]
	if rec.isSecure() && !in.flag("WithDecryption") {
		// Without decryption, AWS returns the encrypted value.
		value = base64.StdEncoding.EncodeToString([]byte(digest(value)))
	}
	return map[string]any{"Parameter": map[string]any{
		"Name": rec.Name, "Type": rec.Attributes["Type"], "Value": value, "Version": rec.latestVersion(),
		"LastModifiedDate": epoch(rec.Updated), "ARN": rec.ARN, "DataType": "text",
	}}, nil
}

// latestVersion returns the number of a parameter's latest version.
func (r *record) latestVersion() int { return parseInt(r.Hidden["version"]) }

// putParameter creates a parameter that belongs to no stack, or changes the value of an existing
// parameter.
func putParameter(s *Service, in properties) (any, error) {
	name, now := in.text("Name"), s.config.Now().UTC()
	rec := s.findByName(typeParameter, name)
	switch kind := in.textOr("Type", ""); {
	case name == "" || in.text("Value") == "":
		return nil, wire.Errorf(http.StatusBadRequest, "ValidationException", "a parameter needs a name and a value")
	case rec != nil && !in.flag("Overwrite"):
		return nil, wire.Errorf(http.StatusBadRequest, "ParameterAlreadyExists",
			"The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case rec == nil && !slices.Contains([]string{"String", "StringList", secureString}, kind):
		return nil, wire.Errorf(
			http.StatusBadRequest, "ValidationException", "A parameter type is required when you create a parameter.",
		)
	case rec == nil:
		rec = &record{
			Type: typeParameter, Name: name, ID: name, Created: now, Tags: in.tags(),
			Attributes: map[string]string{"Type": kind}, Hidden: map[string]string{},
		}
		s.state.Records = append(s.state.Records, rec)
	}
	rec.Updated = now
	s.setParameter(rec, rec.Attributes["Type"], in.text("Value"))
	return map[string]any{"Version": rec.latestVersion(), "Tier": "Standard"}, s.saveState()
}
