package own

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// jsonReader reads JSON token by token, so that every value knows its line.
type jsonReader struct {
	file    string
	data    []byte
	decoder *json.Decoder
	// counted is how far lines have been counted, line the number of the line there and begin where that begins.
	counted, line, begin int
}

func parseJSON(file string, data []byte) (*node, error) {
	r := &jsonReader{file: file, data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1}
	r.decoder.UseNumber()
	root, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, problemAt(file, r.here(), "something stands here after the end of the template")
	}
	return root, nil
}

// here is the place of the token that was read last.
func (r *jsonReader) here() *node {
	offset := int(r.decoder.InputOffset())
	read := r.data[r.counted:offset]
	if last := bytes.LastIndexByte(read, '\n'); last >= 0 {
		r.line += bytes.Count(read, []byte("\n"))
		r.begin = r.counted + last + 1
	}
	r.counted = offset
	return &node{line: r.line, column: max(1, offset-r.begin)}
}

func (r *jsonReader) token() (json.Token, *node, error) {
	token, err := r.decoder.Token()
	at := r.here()
	if err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, nil, problemAt(r.file, at, "not valid JSON: %v", err)
		}
		return nil, nil, problemAt(r.file, at, "not valid JSON: the file ends too early")
	}
	return token, at, nil
}

func (r *jsonReader) value(depth int) (*node, error) {
	token, n, err := r.token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, problemAt(r.file, n, "this is nested too deeply")
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return n, r.object(n, depth)
		}
		return n, r.list(n, depth)
	case string:
		n.shape, n.text = scalar, token
	case json.Number:
		n.shape, n.text, n.plain = scalar, token.String(), true
	case bool:
		n.shape, n.text, n.plain = scalar, "false", true
		if token {
			n.text = "true"
		}
	}
	return n, nil
}

func (r *jsonReader) object(n *node, depth int) error {
	n.shape = object
	seen := map[string]bool{}
	for r.decoder.More() {
		key, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		if seen[key.text] {
			return problemAt(r.file, key, "key %q stands here twice", key.text)
		}
		seen[key.text] = true
		value, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.entries = append(n.entries, entry{key, value})
	}
	_, _, err := r.token()
	return err
}

func (r *jsonReader) list(n *node, depth int) error {
	n.shape = list
	for r.decoder.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, _, err := r.token()
	return err
}
