package document

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// rejectBytes rejects data that is not text: bytes that are not UTF-8, and NUL, which YAML does
// not allow.
func (s *Source) rejectBytes() *Problem {
	for i, line := range s.lines {
		if valid := strings.ToValidUTF8(line, "\ufffd"); valid != line {
			s.lines[i] = valid
			at := &Node{Line: i + 1, Column: utf8.RuneCountInString(line[:firstInvalid(line)]) + 1}
			return s.Problem(at, "this is not UTF-8; save the file as UTF-8 text")
		}
		if at := strings.IndexByte(line, 0); at >= 0 {
			at := &Node{Line: i + 1, Column: utf8.RuneCountInString(line[:at]) + 1}
			return s.Problem(at, "a NUL byte is not text; save the file as UTF-8 text")
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

// rejectTokens rejects what is not read, before the parser spends time on it.
func (r reader) rejectTokens(tokens token.Tokens) *Problem {
	c := counter{keys: map[int]int{}}
	var last *token.Token
	for _, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		if message := r.rejectToken(&c, t, last); message != "" {
			return r.source.Problem(placeOf(t.Position), message)
		}
		last = t
	}
	return nil
}

func (r reader) rejectToken(c *counter, t, last *token.Token) string {
	keys := c.take(t, last)
	switch message := rejectedTokens[t.Type]; {
	case message != "":
		return message
	case t.Type == token.TagType && r.limits.Tag == nil:
		return "YAML tags (!name) are not read; put quotes around text that begins with !"
	case t.Type == token.DocumentHeaderType && c.count > 1:
		return "a second document begins here; put everything into one"
	case nests(t) && (c.depth > r.limits.Depth || c.depth == 0 && c.indent(t) > r.limits.Column):
		return r.tooDeep()
	case keys > r.limits.Keys:
		return fmt.Sprintf("this mapping has too many keys; at most %d are read", r.limits.Keys)
	case r.limits.Tokens > 0 && c.count > r.limits.Tokens:
		const message = "the file has too many values up to here; at most %d names, values and signs are read"
		return fmt.Sprintf(message, r.limits.Tokens)
	}
	return ""
}

// counter counts tokens, levels and keys.
type counter struct {
	count, depth int
	// first is the first token of the line.
	first *token.Token
	// keys counts the keys of the open mappings: by column in block style, by the negative depth in
	// flow style.
	keys map[int]int
}

// take counts a token. If it ends a key, the result is how many keys its mapping has up to here.
func (c *counter) take(t, last *token.Token) (keys int) {
	c.count++
	if c.first == nil || t.Position.Line != c.first.Position.Line {
		c.first = t
	}
	switch t.Type {
	case token.MappingValueType:
		if last != nil {
			return c.key(last.Position.Column)
		}
	case token.SequenceEntryType:
		c.forget(t.Position.Column)
	case token.SequenceStartType, token.MappingStartType:
		c.depth++
		c.forget(-c.depth + 1)
	case token.SequenceEndType, token.MappingEndType:
		c.depth--
	}
	return 0
}

// key counts one more key of the mapping at column, and forgets the mappings below it.
func (c *counter) key(column int) int {
	at := column
	if c.depth > 0 {
		at = -c.depth
	}
	c.forget(at)
	c.keys[at]++
	return c.keys[at]
}

// forget drops the counts of the mappings below at.
func (c *counter) forget(at int) {
	for other := range c.keys {
		if at > 0 && (other > at || other < 0) || at <= 0 && other < at {
			delete(c.keys, other)
		}
	}
}

// indent is the column that a block begins in: a long key is not nesting.
func (c *counter) indent(t *token.Token) int {
	if t.Type == token.MappingValueType {
		return c.first.Position.Column
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

var rejectedTokens = map[token.Type]string{
	token.AliasType: "YAML aliases (*name) are not read; put quotes around text that begins with *, " +
		"and write a repeated value out",
	token.AnchorType: "YAML anchors (&name) are not read; put quotes around text that begins with &, " +
		"and write a repeated value out",
	token.MergeKeyType:   "YAML merge keys (<<) are not read; write the values out",
	token.DirectiveType:  "YAML directives (%NAME) are not read; leave the line out",
	token.MappingKeyType: "YAML's complex keys (? key) are not read; write key: value",
}
