package perch

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// ValidateBranch rejects a name that `git check-ref-format --branch` rejects, and bytes that are
// not UTF-8, because JSON cannot carry them.
func ValidateBranch(branch string) error {
	if reason := rejectedByGit(branch); reason != "" {
		return fmt.Errorf("%q is not a branch name that Git accepts: %s", branch, reason)
	}
	return nil
}

func rejectedByGit(branch string) string {
	switch {
	case branch == "":
		return "it is empty"
	case !utf8.ValidString(branch):
		return "it is not valid UTF-8"
	case branch == "@" || branch == "HEAD":
		return "the name is taken by Git itself"
	case strings.HasPrefix(branch, "-"):
		return "it begins with a hyphen"
	case strings.HasSuffix(branch, "."):
		return "it ends with a dot"
	case strings.Contains(branch, ".."):
		return "it contains two dots in a row"
	case strings.Contains(branch, "@{"):
		return "it contains @{"
	}
	for _, r := range branch {
		if r < 0x20 || r == 0x7f {
			return "it contains a control character"
		}
		if strings.ContainsRune(" ~^:?*[\\", r) {
			return fmt.Sprintf("it contains %q", r)
		}
	}
	for _, part := range strings.Split(branch, "/") {
		switch {
		case part == "":
			return "it begins or ends with a slash, or has two in a row"
		case strings.HasPrefix(part, "."):
			return "a part of it begins with a dot"
		case strings.HasSuffix(part, ".lock"):
			return "a part of it ends with .lock"
		}
	}
	return ""
}

// MatchBranch reports whether branch matches pattern, which has to match the whole name. `*`
// matches any run of characters, including slashes, and `?` matches one character. Every other
// character matches itself.
func MatchBranch(pattern, branch string) bool {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.ReplaceAll(quoted, `\*`, `.*`)
	quoted = strings.ReplaceAll(quoted, `\?`, `.`)
	return regexp.MustCompile(`(?s)^` + quoted + `$`).MatchString(branch)
}

// MatchAny reports whether branch matches one of patterns, and returns the first that matches.
func MatchAny(patterns []string, branch string) (pattern string, ok bool) {
	for _, pattern := range patterns {
		if MatchBranch(pattern, branch) {
			return pattern, true
		}
	}
	return "", false
}
