package cloudformation

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// decodeDocument reads a template body, JSON or YAML, into maps, slices, strings, booleans, nil and json.Number: the number's own
// text is kept, because a version like 16.10 is none. Short tags (!Ref, !GetAtt) come out in their long form.
func decodeDocument(body string) (map[string]any, error) {
	var value any
	if strings.HasPrefix(strings.TrimSpace(body), "{") {
		decoder := json.NewDecoder(strings.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			return nil, invalid("Template format error: JSON not well-formed. (%v)", err)
		}
	} else {
		file, err := parser.ParseBytes([]byte(body), 0)
		if err != nil {
			return nil, invalid("Template format error: YAML not well-formed. (%s)", firstLine(err.Error()))
		}
		if len(file.Docs) == 0 || file.Docs[0].Body == nil {
			return nil, invalid("Template format error: unsupported structure.")
		}
		if value, err = fromYAML(file.Docs[0].Body); err != nil {
			return nil, err
		}
	}
	document, ok := value.(map[string]any)
	if !ok {
		return nil, invalid("Template format error: unsupported structure.")
	}
	return document, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func fromYAML(node ast.Node) (any, error) {
	switch node := node.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.StringNode:
		return node.Value, nil
	case *ast.LiteralNode:
		return node.Value.Value, nil
	case *ast.BoolNode:
		return node.Value, nil
	case *ast.IntegerNode:
		return json.Number(node.Token.Value), nil
	case *ast.FloatNode:
		return json.Number(node.Token.Value), nil
	case *ast.MappingNode:
		return fromMapping(node.Values)
	case *ast.MappingValueNode:
		return fromMapping([]*ast.MappingValueNode{node})
	case *ast.SequenceNode:
		return fromSequence(node.Values)
	case *ast.TagNode:
		return fromTag(node)
	case *ast.AnchorNode, *ast.AliasNode:
		return nil, invalid("Template error: YAML aliases are not allowed in CloudFormation templates")
	}
	return nil, invalid("Template format error: unsupported YAML: %s", firstLine(node.String()))
}

func fromMapping(values []*ast.MappingValueNode) (any, error) {
	out := make(map[string]any, len(values))
	for _, value := range values {
		key := value.Key.GetToken().Value
		if text, ok := value.Key.(*ast.StringNode); ok {
			key = text.Value
		}
		member, err := fromYAML(value.Value)
		if err != nil {
			return nil, err
		}
		out[key] = member
	}
	return out, nil
}

func fromSequence(values []ast.Node) (any, error) {
	out := make([]any, 0, len(values))
	for _, value := range values {
		member, err := fromYAML(value)
		if err != nil {
			return nil, err
		}
		out = append(out, member)
	}
	return out, nil
}

// fromTag writes a short form in its long one.
func fromTag(node *ast.TagNode) (any, error) {
	value, err := fromYAML(node.Value)
	if err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(node.Start.Value, "!")
	switch {
	case strings.HasPrefix(name, "!"):
		return asText(name, value), nil
	case name == "Ref" || name == "Condition":
		return map[string]any{name: value}, nil
	case name == "GetAtt":
		if text, ok := value.(string); ok {
			logical, attribute, _ := strings.Cut(text, ".")
			value = []any{logical, attribute}
		}
	}
	return map[string]any{"Fn::" + name: value}, nil
}

// asText honours YAML's own !!str; other core tags leave the value as it was read.
func asText(tag string, value any) any {
	if tag == "!str" && value != nil {
		return fmt.Sprint(value)
	}
	return value
}
