package checks

import (
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// oddWords are words that readers stumble over, with what to write in their place.
var oddWords = []struct {
	word    *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\banew\b`), "again, recreated"},
	{regexp.MustCompile(`(?i)\bmend(s|ed|ing)?\b`), "fix, repair"},
	{regexp.MustCompile(`(?i)\bwhoever\b`), "anyone who, the user who"},
	{regexp.MustCompile(`(?i)\bsomebody else's\b|\bnobody's\b`), "not managed by Perch, unowned"},
	{regexp.MustCompile(`(?i)\bof its own\b`), "custom, dedicated, or leave it out"},
	{regexp.MustCompile(`(?i)\bcomes? to nothing\b`), "is rejected, fails"},
	{regexp.MustCompile(`(?i)\bheld against\b|\bhold [a-z ]* against\b`), "checked against"},
	{regexp.MustCompile(`(?i)\blooks? whether\b`), "check whether"},
	{regexp.MustCompile(`(?i)\btake[sn]? away\b`), "delete, tear down"},
	{regexp.MustCompile(`(?i)\bwhat becomes of\b`), "what happens to"},
	{regexp.MustCompile(`(?i)\bbesides\b|\bthereby\b|\bhence\b`), "also, so, or leave it out"},
	{regexp.MustCompile(`(?i)\bfailures to order\b`), "fault injection"},
	{regexp.MustCompile(`(?i)\brefus(e|es|ed|al|als|ing)\b`), "reject (a request), deny (a permission)"},
}

// generatedPages come from the comments of types and from recordings.
var generatedPages = []string{"configuration.md", "costs.md"}

var linkTarget = regexp.MustCompile(`\]\([^)\n]*\)`)

func TestPagesUseWordsThatReadersKnow(t *testing.T) {
	for name, text := range pages(t) {
		if slices.Contains(generatedPages, filepath.Base(name)) {
			continue
		}
		// The lines of a block stay, so that the numbers of those after it are right.
		text = fence.ReplaceAllStringFunc(text, func(block string) string {
			return strings.Repeat("\n", strings.Count(block, "\n"))
		})
		for i, line := range strings.Split(text, "\n") {
			line = linkTarget.ReplaceAllString(code.ReplaceAllString(line, ""), "]")
			for _, odd := range oddWords {
				if found := odd.word.FindString(line); found != "" {
					t.Errorf("%s:%d says %q; write: %s", name, i+1, found, odd.instead)
				}
			}
		}
	}
}

// widestComment is how many columns a line has that is a comment alone; a tab counts as four.
const widestComment = 100

// TestCommentsWrap keeps comments readable beside each other. Indented blocks, such as tables, may
// be wider.
func TestCommentsWrap(t *testing.T) {
	files, err := goFilesBelow(".")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d Go files, %v", len(files), err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		positions := token.NewFileSet()
		file := positions.AddFile(name, positions.Base(), len(source))
		lines := strings.Split(string(source), "\n")
		var comments scanner.Scanner
		comments.Init(file, source, nil, scanner.ScanComments)
		for position, kind, text := comments.Scan(); kind != token.EOF; position, kind, text = comments.Scan() {
			alone := strings.TrimSpace(lines[file.Line(position)-1]) == text
			if kind != token.COMMENT || !alone || !strings.HasPrefix(text, "// ") || strings.HasPrefix(text, "//  ") {
				continue
			}
			line := strings.ReplaceAll(lines[file.Line(position)-1], "\t", "    ")
			if columns := utf8.RuneCountInString(line); columns > widestComment {
				t.Errorf(
					"%s: the comment has %d columns; wrap it at %d", positions.Position(position), columns,
					widestComment,
				)
			}
		}
	}
}

// widestLine is how many columns any line of Go has; a tab counts as four.
const widestLine = 120

// TestLinesAreNotWide keeps two files readable beside each other. Strings of several lines, which
// are texts in other languages, and the tags of fields cannot be broken.
func TestLinesAreNotWide(t *testing.T) {
	files, err := goFilesBelow(".")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d Go files, %v", len(files), err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		exempt := linesOfRawStrings(name, source)
		for i, line := range strings.Split(string(source), "\n") {
			columns := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
			if columns > widestLine && !exempt[i+1] {
				t.Errorf("%s:%d has %d columns; break it at %d", name, i+1, columns, widestLine)
			}
		}
	}
}

// linesOfRawStrings are the lines of a file that a string in backquotes is on, if it has several
// lines or is the tag of a field.
func linesOfRawStrings(name string, source []byte) map[int]bool {
	positions := token.NewFileSet()
	file := positions.AddFile(name, positions.Base(), len(source))
	lines := map[int]bool{}
	var tokens scanner.Scanner
	tokens.Init(file, source, nil, 0)
	for position, kind, text := tokens.Scan(); kind != token.EOF; position, kind, text = tokens.Scan() {
		tag := strings.HasPrefix(text, "`yaml:") || strings.HasPrefix(text, "`json:")
		if kind != token.STRING || !strings.HasPrefix(text, "`") || !tag && !strings.Contains(text, "\n") {
			continue
		}
		first := file.Line(position)
		for line := range strings.Count(text, "\n") + 1 {
			lines[first+line] = true
		}
	}
	return lines
}
