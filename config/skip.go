package config

import (
	"fmt"

	"perch"
)

// SkipDefaults returns the patterns of the built-in list: branches that get no environment, because
// a person or a program created them for another purpose.
func SkipDefaults() []string {
	return []string{
		"*-no-infra",
		// Merge queues test a merge before it happens, on a branch that lives for minutes.
		"gh-readonly-queue/*", "mergify/merge-queue/*", "trunk-merge/*", "graphite-base/*",
		// Bots push many branches, and people rarely need to see the change in an environment.
		"dependabot/*", "renovate/*", "pre-commit-ci-update-config", "changeset-release/*",
		"gh-pages",
	}
}

// SkipRule is the pattern because of which a branch gets no environment.
type SkipRule struct {
	Pattern string
	// BuiltIn means that the pattern is one of SkipDefaults, and not in perch.yaml.
	BuiltIn bool
}

// Sentence says why branch gets no environment.
func (r SkipRule) Sentence(branch string) string {
	list := "of branches.skip in " + FileName
	if r.BuiltIn {
		list = "of the built-in list"
	}
	return fmt.Sprintf("branch %s matches the skip rule %q %s, so it gets no environment", branch, r.Pattern, list)
}

// Skip reports whether branch gets no environment, and because of which rule.
func (f *File) Skip(branch string) (SkipRule, bool) {
	if pattern, ok := perch.MatchAny(f.Branches.Skip, branch); ok {
		return SkipRule{Pattern: pattern}, true
	}
	if !f.Branches.SkipDefaults {
		return SkipRule{}, false
	}
	return SkipByDefault(branch)
}

// SkipByDefault is like Skip, for a caller that has no perch.yaml.
func SkipByDefault(branch string) (SkipRule, bool) {
	pattern, ok := perch.MatchAny(SkipDefaults(), branch)
	return SkipRule{Pattern: pattern, BuiltIn: ok}, ok
}
