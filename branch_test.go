package perch

import (
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestValidateBranchNamesTheReason(t *testing.T) {
	for branch, want := range map[string]string{
		"": "it is empty", "a b": "it contains ' '", "a..b": "two dots", "-x": "begins with a hyphen",
		"a/": "ends with a slash", "/a": "begins or ends with a slash",
		"a//b": "two in a row", ".a": "begins with a dot", "a/.b": "begins with a dot", "a.lock": ".lock",
		"a.": "ends with a dot", "a@{b": "@{", "@": "Git itself",
		"HEAD": "Git itself", "a\nb": "control character", "a~b": "'~'", "a\\b": `'\\'`, "a\xff": "UTF-8", "a[b": "'['",
	} {
		err := ValidateBranch(branch)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ValidateBranch(%q) = %v, want %q", branch, err, want)
		}
	}
}

func TestValidateBranchAgreesWithGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	rapid.Check(t, func(t *rapid.T) {
		branch := rapid.StringOfN(rapid.SampledFrom([]rune("ab/.-@{}~^:?*[\\ #é\x01lock")), 1, 12, -1).Draw(t, "branch")
		git := exec.Command("git", "check-ref-format", "refs/heads/"+branch).Run() == nil &&
			!strings.HasPrefix(branch, "-") && branch != "HEAD" && branch != "@"
		if ours := ValidateBranch(branch) == nil; ours != git {
			t.Errorf("%q: ours %v, Git's %v", branch, ours, git)
		}
	})
}

func TestMatchBranch(t *testing.T) {
	for _, c := range []struct {
		pattern, branch string
		want            bool
	}{
		{"*-no-infra", "docs-no-infra", true},
		{"*-no-infra", "feature/docs-no-infra", true},
		{"*-no-infra", "docs-no-infra-2", false},
		{"dependabot/**", "dependabot/npm/left-pad", true},
		{"dependabot/**", "dependabot", false},
		{"release/?", "release/1", true},
		{"release/?", "release/12", false},
		{"main", "main", true},
		{"main", "maintenance", false},
		{"a.b", "axb", false},
		{"a+(b", "a+(b", true},
	} {
		if got := MatchBranch(c.pattern, c.branch); got != c.want {
			t.Errorf("MatchBranch(%q, %q) = %v", c.pattern, c.branch, got)
		}
	}
}

func TestNormalizeRepositoryMakesSpellingsEqual(t *testing.T) {
	for address, want := range map[string]string{
		"git@github.com:acme/shop.git":            "github.com/acme/shop",
		"https://github.com/acme/shop":            "github.com/acme/shop",
		"https://token@GitHub.com/acme/shop.git/": "github.com/acme/shop",
		"ssh://git@github.com:22/acme/shop.git":   "github.com/acme/shop",
		"github.com/acme/shop":                    "github.com/acme/shop",
		"https://bot:pa%ss@github.com/acme/shop":  "github.com/acme/shop",
		"https://bot:a/b c@GitHub.com/acme/shop":  "github.com/acme/shop",
		"/home/jane/shop":                         "local/jane/shop",
		"file:///home/jane/shop.git":              "local/jane/shop",
	} {
		if got := NormalizeRepository(address); got != want {
			t.Errorf("NormalizeRepository(%q) = %q, want %q", address, got, want)
		}
	}
}
