package own

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxFile is the largest template that is read, in bytes: CloudFormation's own limit (AWS docs: CloudFormation quotas).
	maxFile = 1 << 20
	// maxDepth bounds nesting; maxColumn bounds it in block style before anything is parsed.
	maxDepth  = 64
	maxColumn = 300
	// maxKeys bounds one mapping before anything is parsed: the parser takes long over very many, and a stack has 500 resources at most.
	maxKeys = 2000
)

// shortTags are CloudFormation's short forms; those from Contains on stand in Rules only.
var shortTags = []string{
	"And", "Base64", "Cidr", "Condition", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Not", "Or", "Ref", "Select", "Split", "Sub",
	"Contains", "EachMemberEquals", "EachMemberIn", "RefAll", "ValueOf", "ValueOfAll",
}

// parse reads a file, JSON or YAML, into nodes.
func parse(file string, data []byte) (*node, error) {
	if len(data) > maxFile {
		return nil, problemAt(file, nil, "the template is %d bytes long; CloudFormation reads at most %d", len(data), maxFile)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, problemAt(file, nil, "the template is not UTF-8 text")
	}
	if strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		return parseJSON(file, data)
	}
	return parseYAML(file, strings.ReplaceAll(string(data), "\r\n", "\n"))
}

// parseYAML takes what CloudFormation takes of YAML: no anchors, aliases or merge keys, so that no file is larger in memory than on disk.
func parseYAML(file, content string) (*node, error) {
	tokens := lexer.Tokenize(content)
	if problem := rejectTokens(file, tokens); problem != nil {
		return nil, problem
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxProblem(file, err)
	}
	r := reader{file: file}
	for _, document := range parsed.Docs {
		if document.Body != nil {
			return r.node(document.Body, 0)
		}
	}
	return &node{line: 1, column: 1}, nil
}

func rejectTokens(file string, tokens token.Tokens) *Problem {
	depth, begun := 0, false
	keys := map[int]int{} // By column in block style, by the negative depth in flow style.
	for i, t := range tokens {
		message := rejectedTokens[t.Type]
		if t.Type == token.MappingValueType && i > 0 && counted(keys, depth, tokens[i-1].Position.Column) > maxKeys {
			message = fmt.Sprintf("this mapping has too many keys; at most %d are read", maxKeys)
		}
		switch t.Type {
		case token.SequenceEntryType:
			forget(keys, t.Position.Column)
		case token.SequenceStartType, token.MappingStartType:
			depth++
			forget(keys, -depth+1)
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		nests := t.Type == token.SequenceStartType || t.Type == token.MappingStartType || t.Type == token.SequenceEntryType || t.Type == token.MappingValueType
		if nests && (depth > maxDepth || t.Position.Column > maxColumn && depth == 0) {
			message = "this is nested too deeply"
		}
		if t.Type == token.DocumentHeaderType && begun {
			message = "a second document begins here; a template is one"
		}
		if message != "" {
			return &Problem{File: file, Line: t.Position.Line, Column: t.Position.Column, Message: message}
		}
		begun = begun || t.Type != token.CommentType
	}
	return nil
}

// counted counts one more key of the mapping that stands at column, or at depth in flow style, and forgets the mappings below it.
func counted(keys map[int]int, depth, column int) int {
	at := column
	if depth > 0 {
		at = -depth
	}
	forget(keys, at)
	keys[at]++
	return keys[at]
}

// forget drops the counts of mappings that stand below at.
func forget(keys map[int]int, at int) {
	for other := range keys {
		if at > 0 && (other > at || other < 0) || at <= 0 && other < at {
			delete(keys, other)
		}
	}
}

var rejectedTokens = map[token.Type]string{
	token.AliasType:      "CloudFormation reads no YAML aliases (*name); write the value out",
	token.AnchorType:     "CloudFormation reads no YAML anchors (&name); write a repeated value out",
	token.MergeKeyType:   "CloudFormation reads no YAML merge keys (<<); write the values out",
	token.DirectiveType:  "YAML directives (%NAME) are not read; leave the line out",
	token.MappingKeyType: "YAML's complex keys (? key) are not read; write key: value",
}

func syntaxProblem(file string, err error) *Problem {
	var syntax interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		at := syntax.GetToken().Position
		return &Problem{File: file, Line: at.Line, Column: at.Column, Message: "not valid YAML: " + syntax.GetMessage()}
	}
	return &Problem{File: file, Message: "not valid YAML"}
}

// reader turns YAML's syntax tree into nodes.
type reader struct{ file string }

func (r reader) node(from ast.Node, depth int) (*node, error) {
	at := from.GetToken().Position
	n := &node{line: at.Line, column: at.Column}
	if depth > maxDepth {
		return nil, problemAt(r.file, n, "this is nested too deeply")
	}
	switch from := from.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		n.shape = object
		return n, r.entries(n, from.Values, depth)
	case *ast.MappingValueNode:
		n.shape = object
		return n, r.entries(n, []*ast.MappingValueNode{from}, depth)
	case *ast.SequenceNode:
		n.shape = list
		return n, r.items(n, from.Values, depth)
	case *ast.TagNode:
		return r.tagged(n, from, depth)
	case *ast.LiteralNode:
		n.shape, n.text = scalar, from.Value.Value
	case *ast.StringNode:
		n.shape, n.text = scalar, from.Value
		n.plain = from.Token.Type != token.DoubleQuoteType && from.Token.Type != token.SingleQuoteType
	case ast.ScalarNode:
		n.shape, n.text, n.plain = scalar, from.GetToken().Value, true
	default:
		return nil, problemAt(r.file, n, "a YAML %s is not read in a template", strings.ToLower(from.Type().String()))
	}
	return n, nil
}

// tagged reads a short form as its long one.
func (r reader) tagged(n *node, from *ast.TagNode, depth int) (*node, error) {
	name := strings.TrimPrefix(from.Start.Value, "!")
	if name == "" && from.Value != nil {
		value, err := r.node(from.Value, depth+1) // `! text` says that it is a text.
		if err == nil {
			value.plain = false
		}
		return value, err
	}
	if name == "Transform" {
		return nil, problemAt(r.file, n, "macros are not run: %s needs one", from.Start.Value)
	}
	if !slices.Contains(shortTags, name) {
		return nil, problemAt(r.file, n, "the tag %s is none of CloudFormation's; allowed: !%s", from.Start.Value, strings.Join(shortTags, ", !"))
	}
	if from.Value == nil {
		return nil, problemAt(r.file, n, "%s has no value", from.Start.Value)
	}
	value, err := r.node(from.Value, depth+1)
	if err != nil {
		return nil, err
	}
	long := "Fn::" + name
	switch {
	case name == "Ref" || name == "Condition":
		long = name
	case name == "GetAtt" && value.shape == scalar:
		logical, attribute, _ := strings.Cut(value.text, ".")
		value = &node{shape: list, line: value.line, column: value.column, items: []*node{value.like(logical), value.like(attribute)}}
	}
	n.shape, n.entries = object, []entry{{key: n.like(long), value: value}}
	return n, nil
}

// like is a text that stands where n does.
func (n *node) like(text string) *node {
	return &node{shape: scalar, text: text, line: n.line, column: n.column}
}

func (r reader) entries(n *node, values []*ast.MappingValueNode, depth int) error {
	seen := map[string]int{}
	for i, value := range values {
		key, err := r.node(value.Key, depth+1)
		if err != nil {
			return err
		}
		if key.shape != scalar {
			return problemAt(r.file, key, "a key must be plain text")
		}
		if first, ok := seen[key.text]; ok {
			return problemAt(r.file, key, "key %q stands here twice; the first is on line %d", key.text, first)
		}
		seen[key.text] = key.line
		if i == 0 {
			n.line, n.column = key.line, key.column
		}
		if empty(value) {
			return problemAt(r.file, key, "%s has no value; write %s '' if that is meant", value.Value.GetToken().Value, value.Value.GetToken().Value)
		}
		child, err := r.node(value.Value, depth+1)
		if err != nil {
			return err
		}
		if child.shape == null {
			child.line, child.column = key.line, key.column
		}
		n.entries = append(n.entries, entry{key, child})
	}
	return nil
}

// empty reports a short tag without a value, which the parser gives the keys that follow it.
func empty(value *ast.MappingValueNode) bool {
	tag, ok := value.Value.(*ast.TagNode)
	if !ok || tag.Value == nil {
		return ok
	}
	switch tag.Value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		at, key := tag.Value.GetToken().Position, value.Key.GetToken().Position
		if mapping, ok := tag.Value.(*ast.MappingNode); ok && len(mapping.Values) > 0 {
			at = mapping.Values[0].Key.GetToken().Position
		} else if single, ok := tag.Value.(*ast.MappingValueNode); ok {
			at = single.Key.GetToken().Position
		}
		return at.Line > key.Line && at.Column <= key.Column
	}
	return false
}

func (r reader) items(n *node, values []ast.Node, depth int) error {
	for _, value := range values {
		child, err := r.node(value, depth+1)
		if err != nil {
			return err
		}
		n.items = append(n.items, child)
	}
	return nil
}
