package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPackageIsCheckedForTheSystemThatIsNamed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module example\n\ngo 1.26\n",
		"example.go": "package example\n\nvar x = signal\n",
		"x_linux.go": "package example\n\nconst signal = 1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for system, want := range map[string]struct {
		exit  int
		words string
	}{
		"linux/arm64":   {0, "linux/arm64: 1 packages"},
		"windows/amd64": {1, "undefined: signal"},
		"windows":       {2, "usage: typecheck"},
	} {
		var out bytes.Buffer
		exit := run([]string{system, "./..."}, &out, &out)
		if exit != want.exit || !strings.Contains(out.String(), want.words) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", system, exit, want.exit, want.words, out.String())
		}
	}
}

func TestAPackageThatIsNotThereIsAnError(t *testing.T) {
	var out bytes.Buffer
	if exit := run([]string{"linux/amd64", "./absent"}, &out, &out); exit != 1 {
		t.Errorf("exit code %d, want 1: %s", exit, out.String())
	}
}
