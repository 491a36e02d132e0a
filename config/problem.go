package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one thing that is wrong with a file, with the place where it stands.
type Problem struct {
	// File is the name that the file was read under.
	File string
	// Line and Column count from 1; the column counts characters. Line is 0 where a problem has no place in the file.
	Line, Column int
	// Message is a sentence without a full stop.
	Message string
	// Quote is the source line, or the part of a long one that the problem is in, with what looks like a secret blanked out; empty where there is
	// none to show.
	Quote string
	// caret is the character of Quote that the column is, from 0.
	caret int
}

// Error is `file:line:column: message`, and below it the source line with a caret.
func (p *Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	text := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Quote == "" {
		return text
	}
	number := strconv.Itoa(p.Line)
	return fmt.Sprintf("%s\n  %s | %s\n  %s | %s^", text, number, p.Quote, strings.Repeat(" ", len(number)), strings.Repeat(" ", p.caret))
}

// Problems is everything that is wrong with a file, in the order of its lines. It is never empty.
type Problems []*Problem

// maxProblems is how many problems are shown: a file with more is another kind of file.
const maxProblems = 10

func (p Problems) Error() string {
	shown := p[:min(len(p), maxProblems)]
	lines := make([]string, 0, len(shown)+1)
	for _, problem := range shown {
		lines = append(lines, problem.Error())
	}
	if more := len(p) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// text is the source that problems quote.
type text struct {
	name  string
	lines []string
}

// quoteWidth is how much of a line is quoted, in characters.
const quoteWidth = 160

func (t *text) problem(line, column int, message string) *Problem {
	p := &Problem{File: t.name, Line: line, Column: max(column, 1), Message: message}
	if line < 1 || line > len(t.lines) {
		return p
	}
	quote := []rune(t.blanked(line))
	p.caret = min(p.Column-1, len(quote))
	if more := len(quote) - quoteWidth; more > 0 {
		from := min(max(p.caret-quoteWidth/2, 0), more)
		quote, p.caret = quote[from:from+quoteWidth], p.caret-from
	}
	p.Quote = string(quote)
	return p
}

// blanked is a line without what looks like a secret. A secret may stand on the lines below its key, too.
func (t *text) blanked(line int) string {
	quote := printable(t.lines[line-1])
	depth := indentation(quote)
	if strings.HasPrefix(quote[depth:], "-") {
		depth++ // A list may begin in the column of its key.
	}
	for above := line - 1; above > 0 && depth > 0; above-- {
		parent := printable(t.lines[above-1])
		if strings.TrimSpace(parent) == "" || indentation(parent) >= depth {
			continue
		}
		if key := keyBelow.FindStringSubmatch(parent); key != nil && secretName(key[1]) && key[1] != "secrets" {
			return quote[:indentation(quote)] + "***"
		}
		depth = indentation(parent)
	}
	return blankSecrets(quote)
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// printable keeps every character one column wide, so that the caret stands where it should.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
}

var (
	secretKey = regexp.MustCompile(`(?i)\w*(password|secret|token|private_key|api_key)\w*["']?\s*:\s*`)
	// keyBelow is a key with its value on the next lines.
	keyBelow    = regexp.MustCompile(`(\w+)["']?\s*:\s*[|>]?[+-]?[0-9]?\s*(#.*)?$`)
	credentials = regexp.MustCompile(`://[^@/\s]+@`)
)

// blankSecrets hides values that look secret: an error message ends in a log. References (an ARN) and nested keys stay.
func blankSecrets(line string) string {
	line = credentials.ReplaceAllString(line, "://***@")
	for _, match := range secretKey.FindAllStringIndex(line, -1) {
		rest := strings.TrimLeft(line[match[1]:], `"'`)
		if rest != "" && rest[0] != '{' && rest[0] != '#' && !strings.HasPrefix(rest, "arn:") {
			return line[:match[1]] + "***"
		}
	}
	return line
}

// sorted puts problems into the order of the file, each once; it is nil where there are none.
func sorted(problems Problems) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(problems, func(a, b *Problem) bool { return *a == *b })
}
