package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// service is what a process needs to know of a service in docker-compose.yml.
type service struct {
	Image       string                       `yaml:"image"`
	Entrypoint  []string                     `yaml:"entrypoint"`
	Command     []string                     `yaml:"command"`
	Environment map[string]string            `yaml:"environment"`
	DependsOn   map[string]map[string]string `yaml:"depends_on"`
	Restart     string                       `yaml:"restart"`
	Profiles    []string                     `yaml:"profiles"`
	Volumes     []any                        `yaml:"volumes"`
	Deploy      struct {
		Replicas int `yaml:"replicas"`
	} `yaml:"deploy"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

var (
	variable   = regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*)(?::([-?+])([^}]*))?\}`)
	assignment = regexp.MustCompile(`(?m)^([A-Z][A-Z0-9_]*)=(.*)$`)
)

// readCompose reads docker-compose.yml with the variables of .env.example, and set in their place,
// filled in as Docker Compose does.
func readCompose(t testing.TB, set map[string]string) map[string]service {
	t.Helper()
	values := map[string]string{}
	for _, match := range assignment.FindAllStringSubmatch(read(t, "../.env.example"), -1) {
		values[match[1]] = match[2]
	}
	for name, value := range set {
		if _, ok := values[name]; !ok {
			t.Fatalf(".env.example has no %s", name)
		}
		values[name] = value
	}
	text := variable.ReplaceAllStringFunc(read(t, "../docker-compose.yml"), func(used string) string {
		match := variable.FindStringSubmatch(used)
		value := values[match[1]]
		switch {
		case match[2] == "+" && value == "":
			return ""
		case match[2] == "+":
			return match[3]
		case value != "":
			return value
		case match[2] == "?":
			t.Fatalf("docker-compose.yml: %s: %s", match[1], match[3])
		}
		return match[3]
	})
	var file struct {
		Services map[string]service `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// mounts are the files of the repository that the service finds at other paths.
func (s service) mounts(t testing.TB) map[string]string {
	t.Helper()
	mounted := map[string]string{}
	for _, volume := range s.Volumes {
		text, ok := volume.(string)
		if !ok {
			continue // The worker's policy and its cache are the test's own.
		}
		parts := strings.Split(text, ":")
		if !strings.HasPrefix(parts[0], "./") {
			continue
		}
		file, err := filepath.Abs(filepath.Join("..", parts[0]))
		if err != nil {
			t.Fatal(err)
		}
		mounted[parts[1]] = file
	}
	return mounted
}

// retries is how often the service is started again when it fails.
func (s service) retries() (count int) {
	_, _ = fmt.Sscanf(s.Restart, "on-failure:%d", &count) // Another policy is not about a failure.
	return count
}

func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
