package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// jsonReader reads JSON token by token, so that every value knows its line.
type jsonReader struct {
	reader
	data    []byte
	decoder *json.Decoder
	// counted is how far lines have been counted, line the number of the line there and begin where
	// that begins.
	counted, line, begin int
}

func (r reader) parseJSON(content string) (*Node, *Problem) {
	j := &jsonReader{reader: r, data: []byte(content), decoder: json.NewDecoder(strings.NewReader(content)), line: 1}
	return j.root()
}

func (r *jsonReader) root() (*Node, *Problem) {
	r.decoder.UseNumber()
	root, problem := r.value(0)
	if problem != nil {
		return nil, problem
	}
	if _, err := r.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, r.source.Problem(r.here(), "something is here after the end of the document")
	}
	return root, nil
}

// here is the place of the token that was read last.
func (r *jsonReader) here() *Node {
	offset := int(r.decoder.InputOffset())
	read := r.data[r.counted:offset]
	if last := bytes.LastIndexByte(read, '\n'); last >= 0 {
		r.line += bytes.Count(read, []byte("\n"))
		r.begin = r.counted + last + 1
	}
	r.counted = offset
	return &Node{Line: r.line, Column: max(1, offset-r.begin)}
}

func (r *jsonReader) token() (json.Token, *Node, *Problem) {
	token, err := r.decoder.Token()
	at := r.here()
	if err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, nil, r.source.Problem(at, fmt.Sprintf("not valid JSON: %v", err))
		}
		return nil, nil, r.source.Problem(at, "not valid JSON: the file ends too early")
	}
	return token, at, nil
}

func (r *jsonReader) value(depth int) (*Node, *Problem) {
	token, n, err := r.token()
	if err != nil {
		return nil, err
	}
	if depth > r.limits.Depth {
		return nil, r.source.Problem(n, r.tooDeep())
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return n, r.object(n, depth)
		}
		return n, r.list(n, depth)
	case string:
		n.Shape, n.Text, n.Quoted = Scalar, token, true
	case json.Number:
		n.Shape, n.Text = Scalar, token.String()
	case bool:
		n.Shape, n.Text = Scalar, strconv.FormatBool(token)
	}
	return n, nil
}

func (r *jsonReader) object(n *Node, depth int) *Problem {
	n.Shape = Mapping
	seen := map[string]bool{}
	for r.decoder.More() {
		key, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		if seen[key.Text] {
			return r.source.Problem(key, fmt.Sprintf("key %q is in this mapping twice", key.Text))
		}
		seen[key.Text] = true
		value, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Entries = append(n.Entries, Entry{key, value})
	}
	_, _, err := r.token()
	return err
}

func (r *jsonReader) list(n *Node, depth int) *Problem {
	n.Shape = List
	for r.decoder.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
	}
	_, _, err := r.token()
	return err
}
