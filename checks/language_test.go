package checks

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// wordRules is the list of words that readers stumble over, each with what to write in its place.
// Vale reads it, too, for Markdown and comments.
const wordRules = ".vale/styles/Perch/Words.yml"

// quotations are what other programs say, word for word, and the name of a Unix user.
var quotations = regexp.MustCompile(`connection refused|hence creating one|^nobody$|user nobody`)

// oddWord is a word that readers stumble over.
type oddWord struct {
	word    *regexp.Regexp
	instead string
}

func oddWords(t *testing.T) []oddWord {
	t.Helper()
	var rules struct {
		Ignorecase bool              `yaml:"ignorecase"`
		Swap       map[string]string `yaml:"swap"`
	}
	if err := yaml.Unmarshal([]byte(page(t, wordRules)), &rules); err != nil {
		t.Fatal(err)
	}
	if !rules.Ignorecase || len(rules.Swap) < 20 {
		t.Fatalf("%s has %d words, and ignorecase is %t", wordRules, len(rules.Swap), rules.Ignorecase)
	}
	var words []oddWord
	for word, instead := range rules.Swap {
		words = append(words, oddWord{regexp.MustCompile(`(?i)\b(?:` + word + `)\b`), instead})
	}
	return words
}

// oddIn reports the first place of each odd word in text, without code, links and quotations.
func oddIn(text string, words []oddWord, report func(found, instead string)) {
	text = quotations.ReplaceAllString(linkTarget.ReplaceAllString(code.ReplaceAllString(text, ""), "]"), "")
	for _, odd := range words {
		if found := odd.word.FindString(text); found != "" {
			report(found, odd.instead)
		}
	}
}

// TestTheListOfWordsFindsThem has a sentence for each kind of pattern in the list.
func TestTheListOfWordsFindsThem(t *testing.T) {
	words := oddWords(t)
	for text, want := range map[string]string{
		"Whatever it is, it goes on.":                  "Whatever",
		"Somebody’s stack is left alone.":              "Somebody",
		"nobody's stack":                               "nobody",
		"it is checked, and what\ncame of it is shown": "what\ncame of",
		"the value stands in perch.yaml":               "stands in",
		"an asterisk stands for any characters":        "",
		"empty where there is no stack":                "empty where",
		"a run asks for a stack":                       "asks for",
		"it asks whether the stack exists":             "",
		"dial tcp: connection refused":                 "",
		"the request is refused":                       "refused",
		"%q is no address":                             "q is no address",
		"a branch that is no longer used":              "",
		"the command `whatever` is code":               "",
		"[a page](whatever.md)":                        "",
	} {
		var got []string
		oddIn(text, words, func(found, _ string) { got = append(got, found) })
		if len(got) == 0 && want != "" || len(got) > 0 && !slices.Contains(got, want) {
			t.Errorf("in %q: %q, want %q", text, got, want)
		}
	}
}

var linkTarget = regexp.MustCompile(`\]\([^)\n]*\)`)

// TestPagesUseWordsThatReadersKnow reads Markdown, HTML and the comments of configuration.
func TestPagesUseWordsThatReadersKnow(t *testing.T) {
	words, read := oddWords(t), 0
	for _, name := range textFiles(t) {
		text := page(t, name)
		if filepath.Ext(name) == ".md" {
			// The lines of a block stay, so that the numbers of those after it are right.
			text = fence.ReplaceAllStringFunc(text, func(block string) string {
				return strings.Repeat("\n", strings.Count(block, "\n"))
			})
		}
		read++
		for i, line := range strings.Split(text, "\n") {
			oddIn(line, words, func(found, instead string) {
				t.Errorf("%s:%d says %q; write: %s", name, i+1, found, instead)
			})
		}
	}
	if read < 40 {
		t.Errorf("%d pages were read", read)
	}
}

// textFiles are the repository's files that people read and that are not Go; test data is not.
func textFiles(t *testing.T) (names []string) {
	t.Helper()
	extensions := []string{".md", ".html", ".yaml", ".yml", ".json"}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", ".vale", "testdata", "dist"}, entry.Name()):
			return filepath.SkipDir
		case slices.Contains(extensions, filepath.Ext(name)) && !strings.HasPrefix(name, "cfn/spec/"):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(names, "Makefile", "Dockerfile", ".ci/run", ".env.example")
}

// TestGoUsesWordsThatReadersKnow reads the comments of all files, and the strings of those that are
// not tests: messages and help are among them.
func TestGoUsesWordsThatReadersKnow(t *testing.T) {
	words := oddWords(t)
	files, err := goFilesBelow(".")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d Go files, %v", len(files), err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, passage := range passages(t, name, source) {
			oddIn(passage.text, words, func(found, instead string) {
				t.Errorf("%s:%d says %q; write: %s", name, passage.line, found, instead)
			})
		}
	}
}

// passage is a comment, or a string, that begins in a line.
type passage struct {
	line int
	text string
}

// passages are the comments and strings of a Go file. Comments in successive lines are one, and so
// are strings that are added; a test has no strings that users read.
func passages(t *testing.T, name string, source []byte) (found []passage) {
	t.Helper()
	positions := token.NewFileSet()
	file := positions.AddFile(name, positions.Base(), len(source))
	var tokens scanner.Scanner
	tokens.Init(file, source, nil, scanner.ScanComments)
	last, before := token.ILLEGAL, token.ILLEGAL
	for position, kind, text := tokens.Scan(); kind != token.EOF; position, kind, text = tokens.Scan() {
		switch {
		case kind == token.COMMENT:
			text = strings.TrimPrefix(strings.TrimPrefix(text, "//"), " ") + "\n"
			if last != token.COMMENT {
				found = append(found, passage{file.Line(position), ""})
			}
			found[len(found)-1].text += text
		case kind == token.STRING && !strings.HasSuffix(name, "_test.go"):
			value, err := strconv.Unquote(text)
			if err != nil {
				t.Fatalf("%s: %v", positions.Position(position), err)
			}
			if last != token.ADD || before != token.STRING {
				found = append(found, passage{file.Line(position), ""})
			}
			found[len(found)-1].text += value
		}
		before, last = last, kind
	}
	return found
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
