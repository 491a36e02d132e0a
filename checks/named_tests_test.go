package checks

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// runPattern is what a command of the pages, or .ci/run, selects tests with: `-run 'A|B'`, `-run A`
// or a variable at_once='A|B'.
var runPattern = regexp.MustCompile(`(?:\s-run[ =]|at_once=)(?:'([^']+)'|([A-Za-z0-9_|]+))`)

// noTests are what benchmarks are run with, so that no test runs.
var noTests = []string{"x", "xxx", "^$"}

// TestNamedTestsExist checks each alternative of these patterns: go test passes without a word if
// one of them selects nothing, so a test that is renamed would no longer run.
func TestNamedTestsExist(t *testing.T) {
	files, err := goFilesBelow(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example|Benchmark)\w*)\(`)
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declared.FindAllStringSubmatch(string(source), -1) {
			names = append(names, match[1])
		}
	}
	texts := pages(t)
	texts[".ci/run"] = page(t, ".ci/run")
	all, found := strings.Join(names, "\n"), 0
	for name, text := range texts {
		for _, match := range runPattern.FindAllStringSubmatch(text, -1) {
			for _, alternative := range strings.Split(match[1]+match[2], "|") {
				if slices.Contains(noTests, alternative) {
					continue
				}
				found++
				first, _, _ := strings.Cut(alternative, "/")
				pattern, err := regexp.Compile("(?m)" + first)
				if err != nil {
					t.Errorf("%s: -run %s: %v", name, alternative, err)
				} else if !pattern.MatchString(all) {
					t.Errorf("%s names the tests %q, and there are none", name, alternative)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("%d patterns were checked", found)
	}
}
