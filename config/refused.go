package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// rejectBytes rejects what is no text: bytes that are not UTF-8, and NUL, which YAML does not allow.
func rejectBytes(source *text) *Problem {
	for i, line := range source.lines {
		if valid := strings.ToValidUTF8(line, "\ufffd"); valid != line {
			source.lines[i] = valid
			return source.problem(i+1, utf8.RuneCountInString(line[:firstInvalid(line)])+1, "this is not UTF-8; save the file as UTF-8 text")
		}
		if at := strings.IndexByte(line, 0); at >= 0 {
			return source.problem(i+1, utf8.RuneCountInString(line[:at])+1, "a NUL byte is not text; save the file as UTF-8 text")
		}
	}
	return nil
}

func firstInvalid(line string) int {
	for i, r := range line {
		if _, size := utf8.DecodeRuneInString(line[i:]); r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return len(line)
}

func rejectTokens(source *text, tokens token.Tokens) *Problem {
	depth, count := 0, 0
	var first *token.Token // of the line
	for _, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		if first == nil || t.Position.Line != first.Position.Line {
			first = t
		}
		message := rejectedToken(t)
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if nests(t) && (depth > maxDepth || depth == 0 && indent(t, first) > maxColumn) {
			message = "this is nested too deeply; no key of Perch is more than six levels deep"
		}
		if t.Type == token.DocumentHeaderType && count > 0 {
			message = "a second document begins here; put everything into one"
		}
		if count++; count > maxTokens {
			message = fmt.Sprintf("the file has too many values up to here; at most %d names, values and signs are read", maxTokens)
		}
		if message != "" {
			return source.problem(t.Position.Line, t.Position.Column, message)
		}
	}
	return nil
}

// indent is the column that a block begins in: a long key is no nesting.
func indent(t, first *token.Token) int {
	if t.Type == token.MappingValueType {
		return first.Position.Column
	}
	return t.Position.Column
}

func nests(t *token.Token) bool {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType, token.SequenceEntryType, token.MappingValueType:
		return true
	}
	return false
}

func rejectedToken(t *token.Token) string {
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
