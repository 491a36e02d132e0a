package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// TestAReleaseHasAllPrograms compares .goreleaser.yaml with the folders of the programs.
func TestAReleaseHasAllPrograms(t *testing.T) {
	var release struct {
		Builds []struct {
			ID, Main, Binary string
			Targets          []string
		}
		Archives []struct{ IDs []string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "../.goreleaser.yaml")), &release); err != nil {
		t.Fatal(err)
	}
	got, archived := map[string]string{}, []string{}
	for _, build := range release.Builds {
		got[build.Binary] = build.Main
		if len(build.Targets) != 5 {
			t.Errorf("%s is built for %v", build.ID, build.Targets)
		}
		if _, err := os.Stat(filepath.Join("..", build.Main, "main.go")); err != nil {
			t.Errorf("%s: %v", build.ID, err)
		}
	}
	want := map[string]string{
		"perch": "./starter", "perch-worker": "./worker", "perch-web": "./web", "perch-sandbox": "./sandbox",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
	for _, archive := range release.Archives {
		archived = append(archived, archive.IDs...)
	}
	if diff := cmp.Diff([]string{"perch", "perch-worker", "perch-web", "perch-sandbox"}, archived); diff != "" {
		t.Errorf("archives (-want +got):\n%s", diff)
	}
}

// TestTheImageOfAReleaseIsTheOneOfTheDockerfile compares deploy/release/Dockerfile with the
// Dockerfile at the root: only the programs come from elsewhere.
func TestTheImageOfAReleaseIsTheOneOfTheDockerfile(t *testing.T) {
	stage := regexp.MustCompile(`--from=\w+`)
	root, release := read(t, "../Dockerfile"), read(t, "release/Dockerfile")
	for _, part := range []string{"\nRUN mkdir ", "\nFROM scratch\n"} {
		_, want, found := strings.Cut(root, part)
		_, got, foundHere := strings.Cut(release, part)
		if !found || !foundHere {
			t.Fatalf("a Dockerfile has no %q", part)
		}
		if diff := cmp.Diff(stage.ReplaceAllString(want, ""), stage.ReplaceAllString(got, "")); diff != "" {
			t.Errorf("after %q the Dockerfile has (-), and release/Dockerfile (+):\n%s", part, diff)
		}
	}
	image := regexp.MustCompile(`golang:[\w.-]+`)
	if want, got := image.FindString(root), image.FindString(release); got != want {
		t.Errorf("release/Dockerfile builds with %s, and the Dockerfile with %s", got, want)
	}
}

// TestGoreleaserKnowsTheConfiguration checks .goreleaser.yaml against goreleaser's own JSON Schema.
func TestGoreleaserKnowsTheConfiguration(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "goreleaser.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, "../.goreleaser.yaml")
	for name, c := range map[string]struct {
		text  string
		valid bool
	}{
		"the file":           {text, true},
		"an unknown key":     {strings.Replace(text, "artifacts: archive", "artefacts: archive", 1), false},
		"a text as a number": {strings.Replace(text, "version: 2", "version: two", 1), false},
	} {
		var document any
		if err := yaml.Unmarshal([]byte(c.text), &document); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); (err == nil) != c.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
