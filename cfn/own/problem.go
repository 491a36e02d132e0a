package own

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a template, with the place where it stands. It quotes nothing: a line of a template may hold a
// secret.
type Problem struct {
	// File is the name that the template was read under.
	File string
	// Line and Column count from 1; both are 0 where a problem has no place in the file.
	Line, Column int
	// Message is a sentence without a full stop.
	Message string
}

func (p *Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems is everything that is wrong with a template, in the order of its lines. It is never empty.
type Problems []*Problem

// maxProblems is how many problems are shown: a file with more is another kind of file.
const maxProblems = 10

func (p Problems) Error() string {
	var lines []string
	for _, problem := range p[:min(len(p), maxProblems)] {
		lines = append(lines, problem.Error())
	}
	if more := len(p) - maxProblems; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong with one file.
type problems struct {
	file string
	list Problems
}

func (p *problems) at(n *node, format string, args ...any) {
	p.list = append(p.list, problemAt(p.file, n, format, args...))
}

func problemAt(file string, n *node, format string, args ...any) *Problem {
	problem := &Problem{File: file, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		problem.Line, problem.Column = n.line, n.column
	}
	return problem
}

// err is nil where nothing is wrong.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return p.list
}
