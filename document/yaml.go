package document

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

func (r reader) parseYAML(content string) (*Node, *Problem) {
	tokens := lexer.Tokenize(content)
	if problem := r.rejectTokens(tokens); problem != nil {
		return nil, problem
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, r.syntaxProblem(err)
	}
	for _, document := range file.Docs {
		if document.Body != nil {
			return r.node(document.Body, 0)
		}
	}
	return &Node{Line: 1, Column: 1}, nil
}

func (r reader) syntaxProblem(err error) *Problem {
	var syntax interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if !errors.As(err, &syntax) || syntax.GetToken() == nil {
		return r.source.Problem(nil, "not valid YAML")
	}
	at, message := syntax.GetToken().Position, "not valid YAML: "+syntax.GetMessage()
	if lines := r.source.lines; at.Line >= 1 && at.Line <= len(lines) && tabbed(lines[at.Line-1]) {
		message = "this line is indented with a tab; YAML is indented with blanks"
	}
	return r.source.Problem(placeOf(at), message)
}

func tabbed(line string) bool {
	return strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t")
}

func placeOf(at *token.Position) *Node { return &Node{Line: at.Line, Column: at.Column} }

func (r reader) node(from ast.Node, depth int) (*Node, *Problem) {
	n := placeOf(from.GetToken().Position)
	if depth > r.limits.Depth {
		return nil, r.source.Problem(n, r.tooDeep())
	}
	switch from := from.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		n.Shape = Mapping
		return n, r.entries(n, from.Values, depth)
	case *ast.MappingValueNode:
		n.Shape = Mapping
		return n, r.entries(n, []*ast.MappingValueNode{from}, depth)
	case *ast.SequenceNode:
		n.Shape = List
		return n, r.items(n, from.Values, depth)
	case *ast.TagNode:
		return r.tagged(n, from, depth)
	case *ast.LiteralNode:
		n.Shape, n.Text, n.Quoted = Scalar, from.Value.Value, true
	case *ast.StringNode:
		n.Shape, n.Text = Scalar, from.Value
		n.Quoted = from.Token.Type == token.DoubleQuoteType || from.Token.Type == token.SingleQuoteType
	case ast.ScalarNode:
		n.Shape, n.Text = Scalar, from.GetToken().Value
	default:
		return nil, r.source.Problem(
			n, fmt.Sprintf("a YAML %s is not read here", strings.ToLower(from.Type().String())),
		)
	}
	return n, nil
}

// tagged reads a value with a tag. `! text` says that the value is a text.
func (r reader) tagged(n *Node, from *ast.TagNode, depth int) (*Node, *Problem) {
	tag := from.Start.Value
	if from.Value == nil {
		return nil, r.source.Problem(n, tag+" has no value")
	}
	value, problem := r.node(from.Value, depth+1)
	if problem != nil {
		return nil, problem
	}
	if tag == "!" {
		value.Quoted = true
		return value, nil
	}
	if message := r.limits.Tag(n, tag, value); message != "" {
		return nil, r.source.Problem(n, message)
	}
	return n, nil
}

func (r reader) entries(n *Node, values []*ast.MappingValueNode, depth int) *Problem {
	seen := map[string]int{}
	for i, value := range values {
		key, problem := r.key(value, seen, depth)
		if problem != nil {
			return problem
		}
		if i == 0 {
			n.Line, n.Column = key.Line, key.Column
		}
		child, problem := r.node(value.Value, depth+1)
		if problem != nil {
			return problem
		}
		if child.Shape == Null {
			child.Line, child.Column = key.Line, key.Column
		}
		n.Entries = append(n.Entries, Entry{key, child})
	}
	return nil
}

// key reads the key of an entry; seen has the lines of the keys before it.
func (r reader) key(value *ast.MappingValueNode, seen map[string]int, depth int) (*Node, *Problem) {
	key, problem := r.node(value.Key, depth+1)
	if problem != nil {
		return nil, problem
	}
	message := ""
	switch first, twice := seen[key.Text]; {
	case key.Shape != Scalar:
		message = "a key must be plain text"
	case r.limits.Key > 0 && len(key.Text) > r.limits.Key:
		message = fmt.Sprintf("this key is %d bytes long; at most %d are read", len(key.Text), r.limits.Key)
	case twice:
		message = fmt.Sprintf("key %q is in this mapping twice; the first is on line %d", key.Text, first)
	case emptyTag(value):
		tag := value.Value.GetToken().Value
		message = fmt.Sprintf("%s has no value; write %s '' if that is meant", tag, tag)
	}
	if message != "" {
		return nil, r.source.Problem(key, message)
	}
	seen[key.Text] = key.Line
	return key, nil
}

// emptyTag reports a tag without a value, which the parser gives the keys that follow it.
func emptyTag(value *ast.MappingValueNode) bool {
	tag, ok := value.Value.(*ast.TagNode)
	if !ok || tag.Value == nil {
		return ok
	}
	var first *ast.MappingValueNode
	switch below := tag.Value.(type) {
	case *ast.MappingNode:
		if len(below.Values) > 0 {
			first = below.Values[0]
		}
	case *ast.MappingValueNode:
		first = below
	}
	if first == nil {
		return false
	}
	at, key := first.Key.GetToken().Position, value.Key.GetToken().Position
	return at.Line > key.Line && at.Column <= key.Column
}

func (r reader) items(n *Node, values []ast.Node, depth int) *Problem {
	for _, value := range values {
		child, problem := r.node(value, depth+1)
		if problem != nil {
			return problem
		}
		n.Items = append(n.Items, child)
	}
	return nil
}
