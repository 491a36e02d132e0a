package document

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one thing that is wrong with a file, with its place.
type Problem struct {
	// File is the name that the file was read under.
	File string
	// Line and Column count from 1; the column counts characters. Line is 0 if a problem has no
	// place in the file.
	Line, Column int
	// Message is a sentence without a full stop.
	Message string
	// Quote is the source line, or the part of a long one that the problem is in, with what looks
	// like a secret blanked out; empty if there is none to show.
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
	margin, caret := strings.Repeat(" ", len(number)), strings.Repeat(" ", p.caret)
	return fmt.Sprintf("%s\n  %s | %s\n  %s | %s^", text, number, p.Quote, margin, caret)
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

// Source is the text of a file, which problems name and quote.
type Source struct {
	name  string
	lines []string
	quote bool
}

// Name is what problems call the file.
func (s *Source) Name() string { return s.name }

// quoteWidth is how much of a line is quoted, in characters.
const quoteWidth = 160

// Problem is a problem at a node's place; at is nil for one that has no place in the file.
func (s *Source) Problem(at *Node, message string) *Problem {
	p := &Problem{File: s.name, Message: credentials.ReplaceAllString(message, "://***@")}
	if at == nil || at.Line == 0 {
		return p
	}
	p.Line, p.Column = at.Line, max(at.Column, 1)
	if s.quote && at.Line <= len(s.lines) {
		p.quoteLine([]rune(s.blanked(at.Line)))
	}
	return p
}

// quoteLine keeps the part of a line that shows the column.
func (p *Problem) quoteLine(line []rune) {
	p.caret = min(p.Column-1, len(line))
	if more := len(line) - quoteWidth; more > 0 {
		from := min(max(p.caret-quoteWidth/2, 0), more)
		line, p.caret = line[from:from+quoteWidth], p.caret-from
	}
	p.Quote = string(line)
}

// blanked is a line without what looks like a secret. A secret may be on the lines below its key,
// too.
func (s *Source) blanked(line int) string {
	quote := printable(s.lines[line-1])
	depth := indentation(quote)
	if strings.HasPrefix(quote[depth:], "-") {
		depth++ // A list may begin in the column of its key.
	}
	for above := line - 1; above > 0 && depth > 0; above-- {
		parent := printable(s.lines[above-1])
		if strings.TrimSpace(parent) == "" || indentation(parent) >= depth {
			continue
		}
		if key := keyBelow.FindStringSubmatch(parent); key != nil && SecretName(key[1]) && key[1] != "secrets" {
			return quote[:indentation(quote)] + "***"
		}
		depth = indentation(parent)
	}
	return blankSecrets(quote)
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// printable keeps every character one column wide, so that the caret is in the right column.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
}

var (
	secretWords = regexp.MustCompile(`(?i)PASSWORD|SECRET|TOKEN|PRIVATE_KEY|API_KEY`)
	secretKey   = regexp.MustCompile(`(?i)\w*(password|secret|token|private_key|api_key)\w*["']?\s*:\s*`)
	// keyBelow is a key with its value on the next lines.
	keyBelow    = regexp.MustCompile(`(\w+)["']?\s*:\s*[|>]?[+-]?[0-9]?\s*(#.*)?$`)
	credentials = regexp.MustCompile(`://[^@/\s]+@`)
)

// SecretName reports whether a value of this name looks secret.
func SecretName(name string) bool { return secretWords.MatchString(name) }

// blankSecrets hides values that look secret: an error message ends in a log. References (an ARN)
// and nested keys stay.
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

// Report collects what is wrong with a file.
type Report struct {
	source   *Source
	problems Problems
}

// NewReport is a report of a file that nothing is wrong with yet.
func NewReport(source *Source) *Report { return &Report{source: source} }

// Fail adds a problem; at is nil for one that has no place in the file.
func (r *Report) Fail(at *Node, format string, args ...any) {
	r.problems = append(r.problems, r.source.Problem(at, fmt.Sprintf(format, args...)))
}

// Problems are the problems in the order of the lines, each once; nil if there are none.
func (r *Report) Problems() Problems {
	slices.SortStableFunc(r.problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(r.problems, func(a, b *Problem) bool { return *a == *b })
}

// Err is Problems as an error, nil if there are none.
func (r *Report) Err() error {
	if problems := r.Problems(); len(problems) > 0 {
		return problems
	}
	return nil
}
