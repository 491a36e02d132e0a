// Package access decides by IAM policies whether a call is allowed, as AWS does for the roles of
// one account: for every call, a statement must allow it, and no statement may deny it (AWS docs:
// Policy evaluation logic).
package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Document is an IAM policy document that is attached to a role.
type Document struct {
	// Name is the policy's name.
	Name       string
	statements []statement
}

type statement struct {
	Sid       string
	Effect    string
	Action    texts
	Resource  texts
	Condition map[string]map[string]texts
	// lower has the actions in lower case, because IAM ignores the case of actions.
	lower []string
}

// texts is a JSON value that is one text or a list of texts. In a condition, the values may also be
// booleans.
type texts []string

func (t *texts) UnmarshalJSON(data []byte) error {
	var list []any
	if len(data) == 0 || data[0] != '[' {
		data = append(append([]byte{'['}, data...), ']')
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*t = nil
	for _, value := range list {
		switch value := value.(type) {
		case string:
			*t = append(*t, value)
		case bool:
			*t = append(*t, fmt.Sprint(value))
		default:
			return fmt.Errorf("%v is not a text", value)
		}
	}
	return nil
}

// Parse reads a policy document. It rejects elements, operators and variables that Decide does not
// know, because a statement that is only partly understood would allow too much or too little.
func Parse(name, text string) (*Document, error) {
	var policy struct {
		Version, ID string
		Statement   statements
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&policy); err != nil {
		return nil, fmt.Errorf("read policy %s: %w", name, err)
	}
	for i, s := range policy.Statement {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("read policy %s: statement %d (%s): %w", name, i+1, s.Sid, err)
		}
		for _, action := range s.Action {
			policy.Statement[i].lower = append(policy.Statement[i].lower, strings.ToLower(action))
		}
	}
	return &Document{Name: name, statements: policy.Statement}, nil
}

// statements is a list of statements, or one statement.
type statements []statement

func (s *statements) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '[' {
		data = append(append([]byte{'['}, data...), ']')
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*[]statement)(s))
}

func (s statement) check() error {
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return fmt.Errorf("the effect is %q; write Allow or Deny", s.Effect)
	case len(s.Action) == 0 || len(s.Resource) == 0:
		return fmt.Errorf("an action or a resource is missing")
	}
	for _, action := range s.Action {
		if _, _, ok := strings.Cut(action, ":"); !ok && action != "*" {
			return fmt.Errorf("the action %q has no service", action)
		}
	}
	values := append(texts{}, s.Resource...)
	for name, keys := range s.Condition {
		if _, ok := findOperator(name); !ok {
			return fmt.Errorf("the condition operator %s is not known here", name)
		}
		for _, wanted := range keys {
			values = append(values, wanted...)
		}
	}
	for _, value := range values {
		if strings.Contains(value, "${") {
			return fmt.Errorf("policy variables such as %s are not known here", value)
		}
	}
	return nil
}
