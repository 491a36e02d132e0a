package config

import (
	"fmt"
	"strings"
	"unicode"

	"perch"
	"perch/document"
)

// maxPattern is the longest branch pattern, in bytes; Git's own limit on most file systems is 255.
const maxPattern = 255

func validPattern(value string) string {
	if value == "" || len(value) > maxPattern || strings.ContainsFunc(value, unicode.IsControl) {
		return "must be a branch name or a pattern with * and ?"
	}
	// A letter in the place of * and ? is harmless everywhere, so what is rejected then is rejected
	// regardless of what they stand for.
	err := perch.ValidateBranch(strings.NewReplacer("*", "x", "?", "x").Replace(value))
	if err == nil {
		return ""
	}
	_, reason, _ := strings.Cut(err.Error(), "that Git accepts: ")
	return fmt.Sprintf(
		"must be a branch name or a pattern with * and ?, and no branch can be called like this: %s", reason,
	)
}

// covers reports whether wide surely matches every name that narrow matches. It may be false if
// that is hard to see (a*? and a?*).
func covers(wide, narrow string) bool {
	to, from := []rune(wide), []rune(narrow)
	// star and back are where to go on when the run that wide's last * stands for must be longer.
	at, star, back := 0, -1, 0
	for i := 0; i < len(from); {
		switch {
		case at < len(to) && to[at] == '*':
			star, back = at, i
			at++
		case at < len(to) && from[i] != '*' && (to[at] == '?' || to[at] == from[i]):
			at++
			i++
		case star >= 0:
			back++
			at, i = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(string(to[at:]), "*") == ""
}

// manyPatterns is up to how many patterns are compared with each other; with more it would take
// long.
const manyPatterns = 100

// patterns rejects a pattern that can never take effect, because its author meant it to.
func (d *decoder) patterns(f *File) {
	if len(f.Branches.Kinds) > manyPatterns || len(f.Overrides) > manyPatterns || len(f.Branches.Skip) > manyPatterns {
		return
	}
	for i, rule := range f.Branches.Kinds {
		d.notSkipped(f, "branches.kinds", rule.Pattern, rule.at)
		for _, later := range f.Branches.Kinds[i+1:] {
			if rule.Kind != later.Kind && covers(later.Pattern, rule.Pattern) {
				d.Fail(rule.at, "branches.kinds[%q] never decides: %q on line %d matches every branch that it does, "+
					"and the last one that matches decides; put the more special one below",
					rule.Pattern, later.Pattern, later.at.Line)
			}
		}
	}
	for i, override := range f.Overrides {
		d.notSkipped(f, "overrides", override.Pattern, override.at)
		for _, later := range f.Overrides[i+1:] {
			if covers(later.Pattern, override.Pattern) && replacedBy(override.tree, later.tree) {
				d.Fail(override.at, "overrides[%q] has no effect: %q on line %d matches every branch that it does, "+
					"and sets all of it again; put the more special one below",
					override.Pattern, later.Pattern, later.at.Line)
			}
		}
	}
}

func (d *decoder) notSkipped(f *File, path, pattern string, at *document.Node) {
	const skipped = "matches every branch that it does, and what is skipped gets no environment"
	for _, skip := range f.Branches.Skip {
		if covers(skip, pattern) {
			d.Fail(at, "%s[%q] is for no branch: %q of branches.skip %s", path, pattern, skip, skipped)
		}
	}
	for _, skip := range SkipDefaults() {
		if f.Branches.SkipDefaults && covers(skip, pattern) {
			d.Fail(at, "%s[%q] is for no branch: %q of the built-in skip list %s; `branches.skip_defaults: false` "+
				"turns that list off", path, pattern, skip, skipped)
		}
	}
}

// replacedBy reports whether nothing of a layer is left when over is laid over it; a layer that
// says nothing is no mistake.
func replacedBy(n, over *document.Node) bool {
	values, left := 0, 0
	n.Leaves("", func(path string, leaf *document.Node) {
		values++
		if !replaces(over, strings.Split(path, "."), leaf) {
			left++
		}
	})
	return values > 0 && left == 0
}

func replaces(n *document.Node, path []string, leaf *document.Node) bool {
	for _, key := range path {
		if n = n.Get(key); n == nil {
			return false
		}
		if n.Shape != document.Mapping {
			return true
		}
	}
	// A mapping after null begins again, so that null counts.
	return leaf.Shape != document.Null
}

// Unmatched are the patterns of `branches.kinds` and `overrides` that match none of branches, with
// their places.
func (f *File) Unmatched(branches []string) document.Problems {
	d := newDecoder(f.source)
	check := func(path, pattern string, at *document.Node) {
		for _, branch := range branches {
			if perch.MatchBranch(pattern, branch) {
				return
			}
		}
		d.Fail(at, "%s[%q] matches no branch of this checkout; write a branch's name or a pattern with * and ?, or "+
			"fetch the branches", path, pattern)
	}
	for _, rule := range f.Branches.Kinds {
		check("branches.kinds", rule.Pattern, rule.at)
	}
	for _, override := range f.Overrides {
		check("overrides", override.Pattern, override.at)
	}
	return d.Problems()
}
