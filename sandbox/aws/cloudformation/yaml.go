package cloudformation

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decodeDocument decodes a template body, JSON or YAML, into maps, slices, strings, booleans, nil
// and json.Number. A number keeps its text, because a version such as 16.10 is not a number. Short
// tags (!Ref, !GetAtt) are returned in their long form.
func decodeDocument(body string) (map[string]any, error) {
	var value any
	if strings.HasPrefix(strings.TrimSpace(body), "{") {
		decoder := json.NewDecoder(strings.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			return nil, invalid("Template format error: JSON not well-formed. (%v)", err)
		}
	} else {
		var node yaml.Node
		if err := yaml.Unmarshal([]byte(body), &node); err != nil {
			return nil, invalid("Template format error: YAML not well-formed. (%v)", err)
		}
		var err error
		if value, err = fromYAML(&node); err != nil {
			return nil, err
		}
	}
	document, ok := value.(map[string]any)
	if !ok {
		return nil, invalid("Template format error: unsupported structure.")
	}
	return document, nil
}

// fromYAML converts a node to the value that JSON would have.
func fromYAML(node *yaml.Node) (any, error) {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return nil, invalid("Template error: YAML aliases are not allowed in CloudFormation templates")
	}
	value, err := fromContent(node)
	if name, tagged := strings.CutPrefix(node.Tag, "!"); err == nil && tagged && !strings.HasPrefix(name, "!") {
		return longForm(name, value), nil
	}
	return value, err
}

func fromContent(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.DocumentNode:
		return fromYAML(node.Content[0])
	case yaml.MappingNode:
		return fromMapping(node)
	case yaml.SequenceNode:
		out := make([]any, len(node.Content))
		for i, item := range node.Content {
			var err error
			if out[i], err = fromYAML(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return fromScalar(node), nil
}

func fromMapping(node *yaml.Node) (any, error) {
	out := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if _, twice := out[key.Value]; twice {
			return nil, invalid(
				"Template format error: YAML not well-formed. (line %d, column %d): duplicate key %s", key.Line,
				key.Column, key.Value,
			)
		}
		member, err := fromYAML(value)
		if err != nil {
			return nil, err
		}
		out[key.Value] = member
	}
	return out, nil
}

func fromScalar(node *yaml.Node) any {
	switch node.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return node.Value == "true" || node.Value == "True" || node.Value == "TRUE"
	case "!!int", "!!float":
		return json.Number(node.Value)
	}
	return node.Value
}

// longForm converts a short function to its long form.
func longForm(name string, value any) any {
	if name == "Ref" || name == "Condition" {
		return map[string]any{name: value}
	}
	if text, ok := value.(string); ok && name == "GetAtt" {
		logical, attribute, _ := strings.Cut(text, ".")
		value = []any{logical, attribute}
	}
	return map[string]any{"Fn::" + name: value}
}
