package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
)

func TestPatternsThatCanMatchNoBranch(t *testing.T) {
	for pattern, reason := range map[string]string{
		"a b/*":       "it contains ' '",
		"feature/[a]": "it contains '['",
		"x^*":         "it contains '^'",
		"*..*":        "it contains two dots in a row",
		"/*":          "it begins or ends with a slash, or has two in a row",
		"release/":    "it begins or ends with a slash, or has two in a row",
		"*//*":        "it begins or ends with a slash, or has two in a row",
		"-*":          "it begins with a hyphen",
		"*.":          "it ends with a dot",
		"*.lock":      "a part of it ends with .lock",
		".git*":       "a part of it begins with a dot",
		"HEAD":        "the name is taken by Git itself",
		"*@{*":        "it contains @{",
	} {
		_, err := Read(FileName, []byte(minimal+"overrides:\n  '"+pattern+"': {health_path: /x}\n"))
		want := "perch.yaml:4:3: this key must be a branch name or a pattern with * and ?, and no branch can be " +
			"called like this: " + reason + ", not \"" + pattern + "\"\n"
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	for _, pattern := range []string{
		"*", "**", "?", "*/*", "*.*", "feature/{a,b}", "HEAD?", "@*", "*.loc?", "é*", "a.*.b", "refs/heads/x",
	} {
		if problem := validPattern(pattern); problem != "" {
			t.Errorf("%s %s", pattern, problem)
		}
	}
}

// TestAPatternThatIsRejectedMatchesNoBranch: no name that Git accepts is lost.
func TestAPatternThatIsRejectedMatchesNoBranch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		branch := rapid.StringMatching(`[a-c./@-]{1,6}`).Draw(t, "branch")
		pattern := wildcards(t, branch)
		if perch.ValidateBranch(branch) == nil && validPattern(pattern) != "" {
			t.Fatalf("%q matches %q and is rejected: %s", pattern, branch, validPattern(pattern))
		}
	})
}

// wildcards puts * and ? into a name, so that the pattern matches it.
func wildcards(t *rapid.T, name string) string {
	var pattern strings.Builder
	for _, r := range name {
		switch rapid.IntRange(0, 5).Draw(t, "as") {
		case 0:
			pattern.WriteString("?")
		case 1:
			pattern.WriteString("*")
		case 2:
			pattern.WriteString("*" + string(r))
		default:
			pattern.WriteRune(r)
		}
	}
	return pattern.String()
}

func TestAPatternThatCoversAnotherMatchesWhatItMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[abé]{1,6}`).Draw(t, "name")
		narrow := wildcards(t, name)
		wide := rapid.OneOf(
			rapid.StringMatching(`[abé*?]{1,6}`), rapid.Custom(func(t *rapid.T) string { return wildcards(t, narrow) }),
		).Draw(t, "wide")
		if covers(wide, narrow) && !perch.MatchBranch(wide, name) {
			t.Fatalf("%q covers %q, and does not match %q as that does", wide, narrow, name)
		}
	})
}

func TestWhatPatternsCover(t *testing.T) {
	for _, c := range []struct {
		wide, narrow string
		want         bool
	}{
		{"*", "main", true}, {"*", "*", true}, {"*", "a/*", true}, {"a/*", "a/b", true}, {"a/*", "a/b*", true},
		{"a/*b*", "a/*xb", true},
		{"a?", "ab", true}, {"a?", "a?", true}, {"a*b*c", "a*bxbc", true}, {"main", "main", true}, {"**", "a", true},
		{"*a", "*ba", true},
		{"a?", "a*", false}, {"main", "*", false}, {"a/*", "*", false}, {"a/*", "b/x", false}, {"a", "ab", false},
		{"ab", "a", false}, {"??", "é", false}, {"*a", "a*", false},
	} {
		if got := covers(c.wide, c.narrow); got != c.want {
			t.Errorf("%q covers %q: %v", c.wide, c.narrow, got)
		}
	}
}

func TestPatternsThatNeverTakeEffect(t *testing.T) {
	_, err := Read(FileName, []byte(minimal+`branches:
  skip: ["docs/*"]
  kinds:
    main: production
    docs/x: staging
    "*": staging
overrides:
  feature/x: {instance_type: t3.large, environment: {A: "1"}, buckets: {b: {}}}
  docs/*: {health_path: /docs}
  "feature/*": {instance_type: t3.nano, environment: {A: "2", B: "3"}, buckets: {b: {versioned: true}}}
  fix: {database: {class: db.t4g.large}}
  "f?x": {database: null}
`))
	want := `
perch.yaml:6:5: branches.kinds["main"] never decides: "*" on line 8 matches every branch that it does, and the last one that matches decides; put the more specific one below
  6 |     main: production
    |     ^
perch.yaml:7:5: branches.kinds["docs/x"] is for no branch: "docs/*" of branches.skip matches every branch that it does, and what is skipped gets no environment
  7 |     docs/x: staging
    |     ^
perch.yaml:10:3: overrides["feature/x"] has no effect: "feature/*" on line 12 matches every branch that it does, and sets all of it again; put the more specific one below
  10 |   feature/x: {instance_type: t3.large, environment: {A: "1"}, buckets: {b: {}}}
     |   ^
perch.yaml:11:3: overrides["docs/*"] is for no branch: "docs/*" of branches.skip matches every branch that it does, and what is skipped gets no environment
  11 |   docs/*: {health_path: /docs}
     |   ^
perch.yaml:13:3: overrides["fix"] has no effect: "f?x" on line 14 matches every branch that it does, and sets all of it again; put the more specific one below
  13 |   fix: {database: {class: db.t4g.large}}
     |   ^`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, "\n"+err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPatternsThatStillCount(t *testing.T) {
	read(t, minimal+`branches:
  kinds: {"*": staging, main: production, "release/*": staging, release/1: staging}
overrides:
  a: {health_path: /a, instance_type: t3.nano}
  b: {database: null}
  c: {}
  "?": {health_path: /x, database: {class: db.t4g.large}}
`)
}

func TestPatternsThatMatchNoneOfTheBranches(t *testing.T) {
	file := read(t, shop)
	got := file.Unmatched([]string{"main", "feature/login"}).Error()
	want := `
perch.yaml:5:29: branches.kinds["staging"] matches no branch of this checkout; write a branch's name or a pattern with * and ?, or fetch the branches
  5 |   kinds: {main: production, staging: staging}      # every other branch is of kind branch
    |                             ^
perch.yaml:22:3: overrides["feature/load-*"] matches no branch of this checkout; write a branch's name or a pattern with * and ?, or fetch the branches
  22 |   "feature/load-*": {instance_type: m7i.large}
     |   ^`
	if diff := cmp.Diff(want, "\n"+got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if problems := file.Unmatched([]string{"main", "staging", "feature/load-1"}); len(problems) != 0 {
		t.Errorf("got %v", problems)
	}
}
