package cloudformation

import (
	"regexp"
	"slices"
	"strings"
)

// dynamicReference matches {{resolve:SERVICE:NAME}} inside a text.
var dynamicReference = regexp.MustCompile(`\{\{(resolve:(ssm|ssm-secure|secretsmanager):[^{}]+)\}\}`)

// systemsReference matches a reference to Parameter Store. Its version is a number, never a label.
var systemsReference = regexp.MustCompile(`^resolve:ssm(-secure)?:[a-zA-Z0-9_./-]+(:\d+)?$`)

// versionless matches a reference to Parameter Store without a version, which the default of a
// template's parameter must not have.
var versionless = regexp.MustCompile(`\{\{resolve:ssm(-secure)?:[^:{}]+\}\}`)

// plain reports whether a reference is of the kind `ssm`. CloudFormation reads these when an
// operation begins. It keeps references of other kinds as they are, and reads them when their
// resource is created or updated (AWS docs: Get values stored in other services using dynamic
// references).
func plain(reference string) bool { return strings.HasPrefix(reference, "resolve:ssm:") }

// resolveReference returns the value of a reference without its braces.
type resolveReference func(reference string) (string, error)

// expand replaces the dynamic references in every text of value.
func expand(value any, resolve resolveReference) (any, error) {
	var failure error
	switch value := value.(type) {
	case string:
		return dynamicReference.ReplaceAllStringFunc(value, func(match string) string {
			text, err := resolve(match[2 : len(match)-2])
			if err != nil && failure == nil {
				failure = err
			}
			return text
		}), failure
	case []any:
		out := slices.Clone(value)
		for i, item := range value {
			if out[i], failure = expand(item, resolve); failure != nil {
				return nil, failure
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, member := range value {
			if out[key], failure = expand(member, resolve); failure != nil {
				return nil, failure
			}
		}
		return out, nil
	}
	return value, nil
}

// literal returns a reference as it is written in a template.
func literal(reference string) string { return "{{" + reference + "}}" }

// expandPlain replaces the references of the kind `ssm` by the values that the operation read when
// it began. If a name depends on a resource, it reads the current value.
func (p *plan) expandPlain(value any) (any, error) {
	return expand(value, func(reference string) (string, error) {
		if read, ok := p.fetched[reference]; ok {
			return read, nil
		}
		if !plain(reference) || p.resolve == nil {
			return literal(reference), nil
		}
		return p.resolve(reference)
	})
}

// expandSecure replaces the references of the other kinds. The API never shows its result.
func (s *Service) expandSecure(properties map[string]any) (map[string]any, error) {
	if s.config.Resolve == nil {
		return properties, nil
	}
	expanded, err := expand(properties, s.config.Resolve)
	return object(expanded), err
}

// readReferences reads the values of the plan's references of the kind `ssm`, and rejects those
// that CloudFormation rejects before an operation begins. It leaves out names that depend on a
// resource.
func (s *Service) readReferences(p *plan) (map[string]string, error) {
	if s.config.Resolve == nil {
		return nil, nil
	}
	tentative, fetched, missing := p.with(placeholder, true), map[string]string{}, []string{}
	for _, id := range sortedKeys(p.resources) {
		properties, err := tentative.scope.resolve(p.resources[id].properties)
		if err != nil {
			continue
		}
		kind := p.resources[id].kind
		err = eachReference(properties, "Properties", func(reference, path string) error {
			if err := checkReference(reference, kind, path); err != nil || !plain(reference) {
				return err
			}
			value, err := s.config.Resolve(reference)
			if err != nil && strings.HasSuffix(message(err), "cannot be found.") {
				missing = append(missing, strings.TrimPrefix(reference, "resolve:"))
				return nil
			}
			fetched[reference] = value
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, invalid("Parameters: [%s] cannot be found.", strings.Join(slices.Compact(missing), ", "))
	}
	return fetched, nil
}

// eachReference calls visit for every reference in value, with the path of its property without
// list indexes.
func eachReference(value any, path string, visit func(reference, path string) error) error {
	switch value := value.(type) {
	case string:
		for _, match := range dynamicReference.FindAllStringSubmatch(value, -1) {
			if err := visit(match[1], path); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range value {
			if err := eachReference(item, path, visit); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range sortedKeys(value) {
			if err := eachReference(value[key], path+"/"+key, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// securePaths are the properties of this endpoint's types that may contain a reference of the kind
// ssm-secure (AWS docs: Resources that support dynamic parameter patterns for secure strings).
var securePaths = []string{
	"AWS::RDS::DBInstance/Properties/MasterUserPassword", "AWS::RDS::DBCluster/Properties/MasterUserPassword",
	"AWS::IAM::User/Properties/LoginProfile/Password",
}

// checkReference rejects a reference to Parameter Store if CloudFormation does not allow its form
// or its place.
func checkReference(reference, kind, path string) error {
	switch at := kind + "/" + path; {
	case strings.HasPrefix(reference, "resolve:secretsmanager:"):
		return nil
	case !systemsReference.MatchString(reference):
		return invalid("Incorrect format is used in the following SSM reference: [%s]", literal(reference))
	case !plain(reference) && !slices.Contains(securePaths, at):
		return invalid("SSM Secure reference is not supported in: [%s]", at)
	}
	return nil
}
