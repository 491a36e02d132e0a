package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rooms says which of our packages each room may import: all of a room, or one package of it. What
// a room holds in its own folder it may always import; tests may import anything.
var rooms = map[string][]string{
	"perch":           {},
	"perch/document":  {},
	"perch/config":    {"perch", "perch/document"},
	"perch/cfn":       {"perch", "perch/document"},
	"perch/lifecycle": {"perch"},
	"perch/source":    {"perch"},
	"perch/image":     {},
	"perch/report":    {"perch", "perch/mask"},
	"perch/mask":      {},
	"perch/dial":      {},
	"perch/client":    {"perch", "perch/lifecycle", "perch/report", "perch/dial"},
	"perch/workflows": {"perch", "perch/lifecycle", "perch/activities/contract"},
	"perch/activities": {
		"perch", "perch/client", "perch/config", "perch/cfn", "perch/lifecycle", "perch/source", "perch/image",
		"perch/mask",
	},
	"perch/readapi": {"perch", "perch/client", "perch/report"},
	"perch/worker": {
		"perch", "perch/client", "perch/readapi", "perch/lifecycle", "perch/config", "perch/source", "perch/report",
		"perch/dial", "perch/activities", "perch/workflows",
	},
	"perch/starter": {
		"perch", "perch/client", "perch/config", "perch/cfn", "perch/lifecycle", "perch/source", "perch/dial",
		"perch/report", "perch/readapi",
	},
	"perch/web": {
		"perch", "perch/client", "perch/dial", "perch/lifecycle", "perch/report", "perch/readapi", "perch/mask",
	},
	"perch/sandbox": {
		"perch", "perch/client", "perch/config", "perch/cfn", "perch/source", "perch/worker", "perch/starter",
		"perch/web", "perch/readapi",
	},
	"perch/conformance": {}, // Its tests start the sandbox.
	"perch/deploy":      {}, // Its tests run the programs.
	"perch/checks":      {}, // Its tests read the repository.
}

// forbiddenImports says what a room and everything that it is built from must not contain.
var forbiddenImports = map[string][]string{
	"perch":           {"github.com/aws/", "go.temporal.io/server", "github.com/google/go-github"},
	"perch/document":  {"github.com/aws/", "go.temporal.io/", "github.com/google/go-github"},
	"perch/config":    {"github.com/aws/", "go.temporal.io/server", "github.com/google/go-github"},
	"perch/cfn":       {"github.com/aws/", "go.temporal.io/server", "github.com/google/go-github"},
	"perch/lifecycle": {"github.com/aws/", "go.temporal.io/server", "github.com/google/go-github"},
	"perch/report":    {"github.com/aws/", "go.temporal.io/", "github.com/google/go-github"},
	"perch/client": {
		"github.com/aws/", "go.temporal.io/server", "github.com/google/go-github", "github.com/spf13/cobra",
	},
	"perch/readapi": {"github.com/aws/", "go.temporal.io/server", "github.com/google/go-github"},
	"perch/starter": {"github.com/aws/aws-sdk-go-v2/service", "go.temporal.io/server", "github.com/google/go-github"},
	"perch/web": {
		"github.com/aws/", "go.temporal.io/server", "github.com/google/go-github", "github.com/spf13/cobra",
	},
	"perch/worker":    {"go.temporal.io/server"},
	"perch/workflows": {"github.com/aws/", "go.temporal.io/server", "github.com/google/go-github"},
	// The endpoint knows nothing of what the sandbox shows of it.
	"perch/sandbox/aws": {"perch/sandbox/page", "go.temporal.io/server"},
	// GitHub knows nothing of Perch, so that no mistake is made on both sides.
	"perch/sandbox/github": {"perch/source", "perch/report", "perch/web", "github.com/google/go-github", "testing"},
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		words := strings.Fields(line)
		room := roomOf(words[0])
		allowed, known := rooms[room]
		if !known {
			t.Errorf("package %s is in no room: add its folder to the table or move it", words[0])
		}
		for _, imported := range words[1:] {
			other := roomOf(imported)
			if !ours(imported) || other == room || slices.Contains(allowed, other) ||
				slices.Contains(allowed, imported) {
				continue
			}
			t.Errorf("%s imports %s, and %s may only import %v", words[0], imported, room, allowed)
		}
	}
}

func TestRoomsAreBuiltWithoutForbiddenImports(t *testing.T) {
	for room, unwanted := range forbiddenImports {
		folder := "./" + strings.TrimPrefix(strings.TrimPrefix(room, "perch"), "/")
		for _, dependency := range goList(t, "-deps", folder) {
			for _, prefix := range unwanted {
				if strings.HasPrefix(dependency, prefix) {
					t.Errorf("%s is built with %s", room, dependency)
				}
			}
		}
	}
}

func TestMainsAreShort(t *testing.T) {
	for _, main := range []string{"worker/main.go", "starter/main.go", "web/main.go", "sandbox/main.go"} {
		data, err := os.ReadFile(filepath.FromSlash(main))
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(data), "\n"); lines > 60 {
			t.Errorf("%s has %d lines; a main wires and nothing else", main, lines)
		}
	}
}

// TestActivitiesLeaveAWSToTheEngines keeps the work out of package activities: a method there calls
// an engine.
func TestActivitiesLeaveAWSToTheEngines(t *testing.T) {
	for _, imported := range strings.Fields(goList(t, "-f", `{{join .Imports " "}}`, "./activities")[0]) {
		if strings.HasPrefix(imported, "github.com/aws/aws-sdk-go-v2/service/") {
			t.Errorf("package activities imports %s: only its engines call AWS", imported)
		}
	}
}

// engineRow is a row of ARCHITECTURE.md's table of engines.
var engineRow = regexp.MustCompile("(?m)^\\| `(activities/[a-z]+)` \\|[^|]*\\| ([^|]*) \\|$")

// TestEnginesImportOnlyWhatTheArchitectureSays compares the packages below activities with the
// table.
func TestEnginesImportOnlyWhatTheArchitectureSays(t *testing.T) {
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for _, row := range engineRow.FindAllStringSubmatch(string(page), -1) {
		want[row[1]] = []string{}
		for _, name := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(row[2], -1) {
			want[row[1]] = append(want[row[1]], name[1])
		}
	}
	got := map[string][]string{}
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./activities/...") {
		words := strings.Fields(line)
		engine, below := strings.CutPrefix(words[0], "perch/")
		if !below || engine == "activities" {
			continue
		}
		got[engine] = []string{}
		for _, imported := range words[1:] {
			if ours(imported) {
				got[engine] = append(got[engine], filepath.Base(imported))
			}
		}
	}
	for _, table := range []map[string][]string{want, got} {
		for _, imports := range table {
			slices.Sort(imports)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ARCHITECTURE.md says (-), and the engines import (+):\n%s", diff)
	}
}

// roomOf is the top-level folder that a package of ours is in.
func roomOf(importPath string) string {
	parts := strings.Split(importPath, "/")
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

func ours(importPath string) bool {
	return importPath == "perch" || strings.HasPrefix(importPath, "perch/")
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
