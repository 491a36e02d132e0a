package checks

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"perch"
)

// composeFile is as much of docker-compose.yml as the tests look at.
type composeFile struct {
	Services map[string]struct {
		Image       string                       `yaml:"image"`
		DependsOn   map[string]map[string]string `yaml:"depends_on"`
		Healthcheck map[string]any               `yaml:"healthcheck"`
		Restart     string                       `yaml:"restart"`
		Profiles    []string                     `yaml:"profiles"`
		Environment map[string]string            `yaml:"environment"`
	} `yaml:"services"`
	Volumes map[string]any `yaml:"volumes"`
}

func composeOf(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	if err := yaml.Unmarshal([]byte(page(t, "docker-compose.yml")), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Services) < 5 {
		t.Fatalf("docker-compose.yml has %d services", len(file.Services))
	}
	return file
}

var (
	variable = regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*)`)
	setting  = regexp.MustCompile(`(?m)^([A-Z][A-Z0-9_]*)=`)
	defaults = regexp.MustCompile(`\$\{[A-Z0-9_]+:-([^}]*)\}`)
	exactTag = regexp.MustCompile(`:(\d+\.\d+\S*|local)$`)
	mounted  = regexp.MustCompile(`(?m)^ +- (\./deploy/[^:]+):`)
	goBuild  = regexp.MustCompile(`go build [^\n]* (\./\w+)`)
)

func TestComposeFilePinsItsImages(t *testing.T) {
	for name, service := range composeOf(t).Services {
		image := defaults.ReplaceAllString(service.Image, "$1")
		if !exactTag.MatchString(image) {
			t.Errorf("service %s runs %s, whose tag is not one version", name, image)
		}
		if strings.Contains(image, "auto-setup") {
			t.Errorf("service %s runs %s, which Temporal no longer supports", name, image)
		}
	}
}

func TestImagesAreOfTheVersionsThatTheTestsRun(t *testing.T) {
	module := page(t, "go.mod")
	for image, required := range map[string]string{
		"temporalio/server:":      "go.temporal.io/server v",
		"temporalio/admin-tools:": "go.temporal.io/server v",
		"temporalio/ui:":          "github.com/temporalio/ui-server/v2 v",
	} {
		if want := after(t, module, required); after(t, page(t, "docker-compose.yml"), image) != want {
			t.Errorf("docker-compose.yml runs another version than %s%s", image, want)
		}
	}
	if got, want := after(
		t, page(t, "Dockerfile"), "FROM golang:",
	), after(t, module, "\ngo "); !strings.HasPrefix(got, want+"-") {
		t.Errorf("the image is built with Go %s and go.mod requires %s", got, want)
	}
}

// after is the word that follows prefix in text.
func after(t *testing.T, text, prefix string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, prefix)
	words := strings.Fields(rest)
	if !found || len(words) == 0 {
		t.Fatalf("there is no %q", prefix)
	}
	return words[0]
}

func TestEnvExampleHoldsEveryVariableOfTheComposeFile(t *testing.T) {
	used, explained := names(variable, page(t, "docker-compose.yml")), names(setting, page(t, ".env.example"))
	if diff := cmp.Diff(used, explained); diff != "" {
		t.Errorf("docker-compose.yml (-) and .env.example (+) differ:\n%s", diff)
	}
}

func names(pattern *regexp.Regexp, text string) []string {
	found := map[string]bool{}
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func TestComposeServicesWaitForWhatTheyNeed(t *testing.T) {
	services := composeOf(t).Services
	for name, service := range services {
		for other, how := range service.DependsOn {
			needed, exists := services[other]
			switch condition := how["condition"]; {
			case !exists:
				t.Errorf("service %s waits for %s, which there is not", name, other)
			case condition == "service_healthy" && needed.Healthcheck == nil:
				t.Errorf("service %s waits for the health of %s, which has no health check", name, other)
			case condition == "service_completed_successfully" && !strings.HasPrefix(needed.Restart, "on-failure"):
				t.Errorf("service %s waits for the end of %s, which is started again", name, other)
			}
		}
		if service.Restart == "" && len(service.Profiles) == 0 {
			t.Errorf("service %s has no restart policy", name)
		}
		if service.Restart == "unless-stopped" && service.Healthcheck == nil {
			t.Errorf("service %s runs on and has no health check", name)
		}
	}
}

func TestComposeMountsWhatIsThere(t *testing.T) {
	files := mounted.FindAllStringSubmatch(page(t, "docker-compose.yml"), -1)
	if len(files) == 0 {
		t.Fatal("docker-compose.yml mounts nothing below deploy/")
	}
	for _, file := range files {
		if _, err := os.Stat(file[1]); err != nil {
			t.Errorf("docker-compose.yml mounts %s: %v", file[1], err)
		}
	}
}

func TestNamespaceScriptRegistersTheSearchAttributes(t *testing.T) {
	want := "for name in " + strings.Join(perch.SearchAttributes(), " ") + "; do"
	if !strings.Contains(page(t, "deploy/temporal-namespace.sh"), want) {
		t.Errorf("deploy/temporal-namespace.sh has no %q", want)
	}
}

func TestDockerfileBuildsTheProgramsThatComposeRuns(t *testing.T) {
	var built []string
	for _, match := range goBuild.FindAllStringSubmatch(page(t, "Dockerfile"), -1) {
		built = append(built, match[1])
		if name := goList(t, "-f", "{{.Name}}", match[1]); !slices.Equal(name, []string{"main"}) {
			t.Errorf("the image's build makes %s, which is package %v and no program", match[1], name)
		}
	}
	if diff := cmp.Diff([]string{"./worker", "./starter", "./web"}, built); diff != "" {
		t.Error(diff)
	}
}

// composeCommand is Docker Compose: the docker client's plugin, or the separate program that
// .ci/run builds.
func composeCommand(t *testing.T) []string {
	t.Helper()
	for _, command := range [][]string{{"docker-compose"}, {"docker", "compose"}} {
		if err := exec.Command(command[0], append(command[1:], "version")...).Run(); err == nil {
			return command
		}
	}
	t.Skip("Docker Compose is missing: install docker's compose plugin, or docker-compose 2 (deploy/tools builds it)")
	return nil
}

func TestDockerComposeTakesTheFile(t *testing.T) {
	compose := composeCommand(t)
	config := func(variables ...string) (string, error) {
		arguments := append(
			compose[1:], "--env-file", ".env.example", "--profile", "tools", "--profile", "web", "config", "--format",
			"json",
		)
		command := exec.Command(compose[0], arguments...)
		command.Env = append(os.Environ(), variables...)
		out, err := command.CombinedOutput()
		return string(out), err
	}
	out, err := config("POSTGRES_PASSWORD=test", "PERCH_PROJECT=shop")
	if err != nil {
		t.Fatalf("docker compose config: %v\n%s", err, out)
	}
	var resolved struct {
		Services map[string]any `json:"services"`
	}
	if err := json.Unmarshal([]byte(out), &resolved); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want, got := len(composeOf(t).Services), len(resolved.Services); got != want {
		t.Errorf("docker compose config shows %d services of %d", got, want)
	}
	for _, required := range []string{"POSTGRES_PASSWORD", "PERCH_PROJECT"} {
		if out, err := config(required+"=", map[string]string{
			"POSTGRES_PASSWORD": "PERCH_PROJECT=shop", "PERCH_PROJECT": "POSTGRES_PASSWORD=test",
		}[required]); err == nil || !strings.Contains(out, "set "+required+" in .env") {
			t.Errorf("without %s: %v\n%s", required, err, out)
		}
	}
}
