// Package document reads YAML and JSON into nodes that know their line and column, and collects
// what is wrong with a file: every problem at once, each with its place and a sentence.
//
// It takes the plain part of YAML: mappings, lists, text, numbers. It rejects anchors, aliases,
// merge keys and several documents before it expands anything, so that no file is larger in memory
// than on disk. [Limits] bounds what is parsed, because the time that the parser takes grows with
// the square of the keys. Tags are rejected, too, unless the caller says what they mean.
//
// The package knows no keys. Packages config and cfn/own read perch.yaml, the policy and
// CloudFormation templates with it:
//
//	root, source, err := document.Read("perch.yaml", data, limits)
//	if err != nil {
//		return err // a *Problem with its place
//	}
//	report := document.NewReport(source)
//	if name := root.Get("name"); name == nil {
//		report.Fail(root, "name is missing")
//	}
//	return report.Err() // nil, or Problems in the order of the lines
package document

import (
	"bytes"
	"fmt"
	"strings"
)

// Limits say what a reader takes.
type Limits struct {
	// Bytes is the largest file.
	Bytes int
	// Depth bounds nesting, Column the indentation of a block.
	Depth, Column int
	// Keys bounds one mapping, Key the length of one key in bytes; a Key of 0 sets no bound.
	Keys, Key int
	// Tokens bounds the names, values and signs of the file; 0 sets no bound.
	Tokens int
	// JSON reads a file that begins with a brace as JSON, by whose rules a text has escapes.
	JSON bool
	// Quote makes problems show their source line. Leave it false if a line may hold a secret under
	// any key: Problem hides only what looks like one.
	Quote bool
	// Tag says what a YAML tag means: it makes at from the tag and its value, or says what is
	// wrong. Nil rejects tags.
	Tag func(at *Node, tag string, value *Node) (problem string)
}

// Read reads a file into its root; name is what problems call it. The error is a *Problem.
func Read(name string, data []byte, limits Limits) (*Node, *Source, error) {
	source := &Source{name: name, quote: limits.Quote}
	if len(data) > limits.Bytes {
		message := fmt.Sprintf("the file is longer than %d bytes; at most that many are read", limits.Bytes)
		return nil, nil, source.Problem(nil, message)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	content := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	source.lines = strings.Split(content, "\n")
	if problem := source.rejectBytes(); problem != nil {
		return nil, nil, problem
	}
	r := reader{source: source, limits: limits}
	parse := r.parseYAML
	if limits.JSON && strings.HasPrefix(strings.TrimSpace(content), "{") {
		parse = r.parseJSON
	}
	root, problem := parse(content)
	if problem != nil {
		return nil, nil, problem
	}
	return root, source, nil
}

// reader turns the text of one file into nodes.
type reader struct {
	source *Source
	limits Limits
}

func (r reader) tooDeep() string {
	return fmt.Sprintf("this is nested too deeply; at most %d levels and an indentation of %d columns are read",
		r.limits.Depth, r.limits.Column)
}
