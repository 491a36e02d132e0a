package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// temporalCLI is the release of Temporal's CLI that the scripts are tried with; the images hold one
// of the server's age.
const temporalCLI = "github.com/temporalio/cli@v1.5.1"

// buildTemporalCLI builds Temporal's CLI into dir: its own source with its own dependencies,
// without its development server, which would be a second Temporal server to compile.
func buildTemporalCLI(t testing.TB, dir string) {
	t.Helper()
	var module struct{ Dir string }
	out, err := exec.Command("go", "mod", "download", "-json", temporalCLI).Output()
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	if err != nil {
		t.Fatalf("download %s: %v\n%s", temporalCLI, err, out)
	}
	source := t.TempDir()
	copyProgram(t, module.Dir, source)
	server := filepath.Join(source, "temporalcli", "devserver", "server.go")
	if err := os.WriteFile(server, []byte(read(t, "testdata/devserver.go.txt")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(server), "log.go")); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "temporal"), "./cmd/temporal")
	command.Dir = source
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", temporalCLI, err, out)
	}
}

// copyProgram copies a module without its tests. In the module cache everything is read-only.
func copyProgram(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(file string, entry os.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(file, "_test.go") {
			return err
		}
		name, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
