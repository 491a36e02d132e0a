package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxFile is the largest file that is read, in bytes.
	maxFile = 256 << 10
	// maxDepth bounds nesting in flow style ([[[) and, by the column, in block style. Settings are four levels deep.
	maxDepth  = 32
	maxColumn = 100
	// maxKeys bounds one mapping; more is a generated file, and merging it would take long.
	maxKeys = 500
)

// parse reads one YAML document into nodes. It takes the plain part of YAML: mappings, lists, text, numbers. Anchors, aliases, tags, merge
// keys and several documents are refused before anything is expanded, so that no file is larger in memory than on disk.
func parse(name string, data []byte) (*node, *text, error) {
	if len(data) > maxFile {
		return nil, nil, &Problem{File: name, Message: fmt.Sprintf("the file is %d bytes long; at most %d are read", len(data), maxFile)}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, nil, &Problem{File: name, Message: "the file is not UTF-8 text"}
	}
	content := strings.ReplaceAll(string(data), "\r\n", "\n")
	source := &text{name: name, lines: strings.Split(content, "\n")}
	tokens := lexer.Tokenize(content)
	if problem := refuseTokens(source, tokens); problem != nil {
		return nil, nil, problem
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, nil, syntaxProblem(source, err)
	}
	for _, document := range file.Docs {
		if document.Body != nil {
			root, err := convert(source, document.Body)
			return root, source, err
		}
	}
	return &node{shape: null, line: 1, column: 1}, source, nil
}

func refuseTokens(source *text, tokens token.Tokens) *Problem {
	depth, begun := 0, false
	for _, t := range tokens {
		message := refusedToken(t)
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if nests(t) && (depth > maxDepth || t.Position.Column > maxColumn && depth == 0) {
			message = "this is nested too deeply"
		}
		if t.Type == token.DocumentHeaderType && begun {
			message = "a second document begins here; put everything into one"
		}
		if message != "" {
			return source.problem(t.Position.Line, t.Position.Column, message)
		}
		begun = begun || t.Type != token.CommentType
	}
	return nil
}

func nests(t *token.Token) bool {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType, token.SequenceEntryType, token.MappingValueType:
		return true
	}
	return false
}

func refusedToken(t *token.Token) string {
	switch t.Type {
	case token.AliasType:
		return "YAML aliases (*name) are not read; put quotes around a pattern that begins with *, and write a repeated value out"
	case token.AnchorType:
		return "YAML anchors (&name) are not read; put quotes around text that begins with &, and write a repeated value out"
	case token.MergeKeyType:
		return "YAML merge keys (<<) are not read; write the values out"
	case token.TagType:
		return "YAML tags (!name) are not read; put quotes around text that begins with !"
	case token.DirectiveType:
		return "YAML directives (%NAME) are not read; leave the line out"
	case token.MappingKeyType:
		return "YAML's complex keys (? key) are not read; write key: value"
	}
	return ""
}

func syntaxProblem(source *text, err error) *Problem {
	var syntax interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		at := syntax.GetToken().Position
		return source.problem(at.Line, at.Column, "not valid YAML: "+syntax.GetMessage())
	}
	return &Problem{File: source.name, Message: "not valid YAML"}
}

func convert(source *text, from ast.Node) (*node, error) {
	at := from.GetToken().Position
	n := &node{line: at.Line, column: at.Column}
	switch from := from.(type) {
	case *ast.NullNode:
		n.shape = null
	case *ast.MappingNode:
		n.shape = mapping
		return n, n.addEntries(source, from.Values)
	case *ast.MappingValueNode:
		n.shape = mapping
		return n, n.addEntries(source, []*ast.MappingValueNode{from})
	case *ast.SequenceNode:
		n.shape = sequence
		return n, n.addItems(source, from.Values)
	case *ast.LiteralNode:
		n.shape, n.text, n.quoted = scalar, from.Value.Value, true
	case *ast.StringNode:
		n.shape, n.text = scalar, from.Value
		n.quoted = from.Token.Type == token.DoubleQuoteType || from.Token.Type == token.SingleQuoteType
	case ast.ScalarNode:
		n.shape, n.text = scalar, from.GetToken().Value
	default:
		return nil, source.problem(at.Line, at.Column, fmt.Sprintf("a YAML %s is not read here", strings.ToLower(from.Type().String())))
	}
	return n, nil
}

func (n *node) addEntries(source *text, values []*ast.MappingValueNode) error {
	if len(values) > maxKeys {
		return source.problem(n.line, n.column, fmt.Sprintf("this mapping has %d keys; at most %d are read", len(values), maxKeys))
	}
	seen := map[string]int{}
	for i, value := range values {
		key, err := convert(source, value.Key)
		if err != nil {
			return err
		}
		if key.shape != scalar {
			return source.problem(key.line, key.column, "a key must be plain text")
		}
		if first, ok := seen[key.text]; ok {
			return source.problem(key.line, key.column, fmt.Sprintf("key %q stands here twice; the first is on line %d", key.text, first))
		}
		seen[key.text] = key.line
		if i == 0 {
			n.line, n.column = key.line, key.column
		}
		child, err := convert(source, value.Value)
		if err != nil {
			return err
		}
		if child.shape == null {
			child.line, child.column = key.line, key.column
		}
		n.entries = append(n.entries, entry{key: key, value: child})
	}
	return nil
}

func (n *node) addItems(source *text, values []ast.Node) error {
	for _, value := range values {
		child, err := convert(source, value)
		if err != nil {
			return err
		}
		n.items = append(n.items, child)
	}
	return nil
}
