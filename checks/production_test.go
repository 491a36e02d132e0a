package checks

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestCIFilesPassTheirLinters checks docs/ci, the same of README.md, and .github with actionlint
// and with the JSON Schemas of CircleCI and GitHub.
func TestCIFilesPassTheirLinters(t *testing.T) {
	circleci := []string{"check-jsonschema", "--builtin-schema", "vendor.circle-ci"}
	issueForm := []string{"check-jsonschema", "--builtin-schema", "vendor.github-issue-forms"}
	linters := map[string][]string{
		"docs/ci/github-actions.yml": {"actionlint"}, "docs/ci/github-actions-pull-request.yml": {"actionlint"},
		"docs/ci/circleci.yml":               circleci,
		".github/workflows/ci.yml":           {"actionlint"},
		".github/dependabot.yml":             {"check-jsonschema", "--builtin-schema", "vendor.dependabot"},
		".github/ISSUE_TEMPLATE/bug.yml":     issueForm,
		".github/ISSUE_TEMPLATE/feature.yml": issueForm,
	}
	ours := len(linters)
	for i, block := range fenced(page(t, "README.md"), "yaml") {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("readme-%d.yml", i))
		if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(block, "# .circleci/config.yml"):
			linters[file] = circleci
		case strings.Contains(block, "# .github/workflows/"):
			linters[file] = []string{"actionlint"}
		}
	}
	if len(linters) != ours+2 {
		t.Errorf("README.md shows other CI files than CircleCI's and GitHub's: %v", slices.Collect(maps.Keys(linters)))
	}
	for file, linter := range linters {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if _, err := exec.LookPath(linter[0]); err != nil {
				t.Skipf("%s is missing: install it to check %s", linter[0], file)
			}
			if out, err := exec.Command(linter[0], append(linter[1:], file)...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", linter, err, out)
			}
		})
	}
}

var perchCall = regexp.MustCompile(`(?m)(?:run|command): (perch .*)$`)

func TestCIFilesCallTheStarterAndHoldNoAWSCredentials(t *testing.T) {
	files, err := filepath.Glob("docs/ci/*.yml")
	if err != nil || len(files) != 3 {
		t.Fatalf("docs/ci has the files %v: %v", files, err)
	}
	for _, file := range files {
		text := page(t, file)
		var parsed map[string]any
		if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if strings.Contains(text, "AWS_") {
			t.Errorf("%s hands AWS credentials to CI", file)
		}
		calls := perchCall.FindAllStringSubmatch(text, -1)
		if len(calls) == 0 {
			t.Errorf("%s does not call the starter", file)
		}
		for _, call := range calls {
			if call[1] != "perch up -o json" && call[1] != "perch down -o json" {
				t.Errorf("%s calls %q", file, call[1])
			}
		}
	}
}
