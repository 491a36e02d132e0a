package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxFile is the largest file that is read, in bytes.
	MaxFile = 256 << 10
	// maxDepth bounds nesting in flow style ([[[) and, by the column, in block style. Settings are four levels deep.
	maxDepth  = 32
	maxColumn = 100
	// maxKeys bounds one mapping, maxKey the length of one key in bytes; more is a generated file, and merging it would take long.
	maxKeys = 500
	maxKey  = 255
	// maxTokens bounds what is parsed: the parser takes a time that grows with the square of the keys, 80 seconds for a file of 87,000.
	maxTokens = 10_000
)

// parse reads one YAML document into nodes. It takes the plain part of YAML: mappings, lists, text, numbers. Anchors, aliases, tags, merge
// keys and several documents are rejected before anything is expanded, so that no file is larger in memory than on disk.
func parse(name string, data []byte) (*node, *text, error) {
	if len(data) > MaxFile {
		return nil, nil, &Problem{File: name, Message: fmt.Sprintf("the file is longer than %d bytes; at most that many are read", MaxFile)}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	content := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	source := &text{name: name, lines: strings.Split(content, "\n")}
	if problem := rejectBytes(source); problem != nil {
		return nil, nil, problem
	}
	tokens := lexer.Tokenize(content)
	if problem := rejectTokens(source, tokens); problem != nil {
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

func syntaxProblem(source *text, err error) *Problem {
	var syntax interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		at, message := syntax.GetToken().Position, "not valid YAML: "+syntax.GetMessage()
		if at.Line >= 1 && at.Line <= len(source.lines) && tabbed(source.lines[at.Line-1]) {
			message = "this line is indented with a tab; YAML is indented with blanks"
		}
		return source.problem(at.Line, at.Column, message)
	}
	return &Problem{File: source.name, Message: "not valid YAML"}
}

func tabbed(line string) bool {
	return strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t")
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
		if len(key.text) > maxKey {
			return source.problem(key.line, key.column, fmt.Sprintf("this key is %d bytes long; at most %d are read", len(key.text), maxKey))
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
