package config

import (
	"fmt"
	"strings"
	"unicode"

	"perch"
	"perch/document"
)

// maxPattern is the length of the longest branch pattern, in bytes. It is also Git's limit for a
// branch's name on most file systems.
const maxPattern = 255

func validPattern(value string) string {
	if value == "" || len(value) > maxPattern || strings.ContainsFunc(value, unicode.IsControl) {
		return "must be a branch name or a pattern with * and ?"
	}
	// A letter is allowed everywhere in a name. So if the name with x in place of * and ? is
	// invalid, no name that the pattern matches is valid.
	err := perch.ValidateBranch(strings.NewReplacer("*", "x", "?", "x").Replace(value))
	if err == nil {
		return ""
	}
	_, reason, _ := strings.Cut(err.Error(), "that Git accepts: ")
	return fmt.Sprintf(
		"must be a branch name or a pattern with * and ?, and no branch can be called like this: %s", reason,
	)
}

// covers reports whether wide certainly matches every name that narrow matches. It may return false
// although wide does, if that is hard to find out (a*? and a?*).
func covers(wide, narrow string) bool {
	to, from := []rune(wide), []rune(narrow)
	// star and back are where the comparison continues if wide's last * must match more characters.
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

// manyPatterns is the largest number of patterns that are compared with each other. More would take
// long.
const manyPatterns = 100

// patterns reports patterns that can never have an effect, because their author expects one.
func (d *decoder) patterns(f *File) {
	if len(f.Branches.Kinds) > manyPatterns || len(f.Overrides) > manyPatterns || len(f.Branches.Skip) > manyPatterns {
		return
	}
	for i, rule := range f.Branches.Kinds {
		d.notSkipped(f, "branches.kinds", rule.Pattern, rule.at)
		for _, later := range f.Branches.Kinds[i+1:] {
			if rule.Kind != later.Kind && covers(later.Pattern, rule.Pattern) {
				d.Fail(rule.at, "branches.kinds[%q] never decides: %q on line %d matches every branch that it does, "+
					"and the last one that matches decides; put the more specific one below",
					rule.Pattern, later.Pattern, later.at.Line)
			}
		}
	}
	for i, override := range f.Overrides {
		d.notSkipped(f, "overrides", override.Pattern, override.at)
		for _, later := range f.Overrides[i+1:] {
			if covers(later.Pattern, override.Pattern) && replacedBy(override.tree, later.tree) {
				d.Fail(override.at, "overrides[%q] has no effect: %q on line %d matches every branch that it does, "+
					"and sets all of it again; put the more specific one below",
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

// replacedBy reports whether over replaces every value of a layer. An empty layer does not count,
// because it is not a mistake.
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
	// A mapping does not replace null: null removes what the layers below have, so it has an
	// effect.
	return leaf.Shape != document.Null
}

// Unmatched reports the patterns of `branches.kinds` and `overrides` that match none of branches.
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
