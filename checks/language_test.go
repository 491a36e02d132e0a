package checks

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
