package cfn

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
)

func TestABundleSaysWhatToRun(t *testing.T) {
	hooks := []string{
		".platform/confighooks/predeploy/10-database-url.sh", ".platform/hooks/predeploy/10-database-url.sh",
	}
	for _, test := range []struct {
		name     string
		settings perch.Settings
		files    []string
		app      map[string]any
		proxy    bool
	}{
		{
			"with a database", perch.Settings{Image: "repo/shop:1", Database: &perch.Database{}},
			append(hooks, "database.env", "docker-compose.yml"),
			map[string]any{
				"image": "repo/shop:1", "ports": []any{"80:8080"}, "env_file": []any{"database.env", ".env"},
				"restart": "always",
			}, false,
		},
		{
			"without a database", perch.Settings{Image: "repo/shop:1"},
			[]string{"docker-compose.yml"},
			map[string]any{
				"image": "repo/shop:1", "ports": []any{"80:8080"}, "env_file": []any{".env"}, "restart": "always",
			}, false,
		},
		{
			"with a dedicated port",
			perch.Settings{Image: "repo/shop:1", Environment: map[string]string{"PORT": "3000"}},
			[]string{"docker-compose.yml"},
			map[string]any{
				"image": "repo/shop:1", "ports": []any{"80:3000"}, "env_file": []any{".env"}, "restart": "always",
			}, false,
		},
		{
			"with a dollar sign", perch.Settings{Image: "repo/$shop"},
			[]string{"docker-compose.yml"},
			map[string]any{
				"image": "repo/$$shop", "ports": []any{"80:8080"}, "env_file": []any{".env"}, "restart": "always",
			}, false,
		},
		{
			"behind a load balancer",
			perch.Settings{Image: "repo/shop:1", LoadBalancer: "dedicated", HealthPath: "/healthz"},
			[]string{"docker-compose.yml", "proxy.conf"},
			map[string]any{"image": "repo/shop:1", "env_file": []any{".env"}, "restart": "always"}, true,
		},
		{
			"a single instance", perch.Settings{Image: "repo/shop:1", LoadBalancer: "none", HealthPath: "/healthz"},
			[]string{"docker-compose.yml"},
			map[string]any{
				"image": "repo/shop:1", "ports": []any{"80:8080"}, "env_file": []any{".env"}, "restart": "always",
			}, false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			names, bodies := unzip(t, test.settings)
			if diff := cmp.Diff(test.files, names); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			var compose map[string]any
			if err := json.Unmarshal(bodies["docker-compose.yml"], &compose); err != nil {
				t.Fatal(err)
			}
			services := map[string]any{"app": test.app}
			if test.proxy {
				sum := sha256.Sum256(bodies["proxy.conf"])
				services["proxy"] = map[string]any{
					"depends_on": []any{"app"}, "image": proxyImage, "ports": []any{"80:80"}, "restart": "always",
					"labels":  map[string]any{"perch.configuration": hex.EncodeToString(sum[:])},
					"volumes": []any{"./proxy.conf:/etc/nginx/conf.d/default.conf:ro"},
				}
			}
			if diff := cmp.Diff(map[string]any{"services": services}, compose); diff != "" {
				t.Errorf("docker-compose.yml (-want +got):\n%s", diff)
			}
		})
	}
}

func TestABundleNeedsAnImage(t *testing.T) {
	if _, _, err := Bundle(perch.Settings{}, ""); err == nil {
		t.Error("a bundle without an image was made")
	}
}

func TestABundlesKeyIsItsContent(t *testing.T) {
	settings := settingsOf(perch.KindBranch)
	settings.Image = "repo/shop:1"
	body, key, err := Bundle(settings, "topic.example.com")
	if err != nil {
		t.Fatal(err)
	}
	settings.Secrets = map[string]string{"OTHER": "arn:other"}
	again, sameKey, err := Bundle(settings, "topic.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if key != sameKey || !bytes.Equal(body, again) {
		t.Error("what is not in the bundle changes it")
	}
	settings.Image = "repo/shop:2"
	if _, other, err := Bundle(settings, "topic.example.com"); err != nil || other == key {
		t.Errorf("another image has the key %s, error %v", other, err)
	}
}

func TestTheHookComposesDatabaseURL(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	script, err := filepath.Abs("database-url.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, password := range []string{"plain123", `a/b@c:d%e?f#g$h"i'j\k l`, "pässwörd", "-n", "*"} {
		t.Run(password, func(t *testing.T) {
			hook := exec.CommandContext(t.Context(), bash, script)
			hook.Dir = dir
			hook.Env = []string{
				"PATH=" + os.Getenv("PATH"), "DATABASE_HOST=db.example.com", "DATABASE_PORT=5432",
				"DATABASE_NAME=app", "DATABASE_USER=app", "DATABASE_PASSWORD=" + password,
			}
			if out, err := hook.CombinedOutput(); err != nil || len(out) > 0 {
				t.Fatalf("hook says %q, error %v", out, err)
			}
			checkDatabaseURL(t, filepath.Join(dir, "database.env"), password)
		})
	}
}

func TestTheHookFailsWithoutAPassword(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	script, err := filepath.Abs("database-url.sh")
	if err != nil {
		t.Fatal(err)
	}
	hook := exec.CommandContext(t.Context(), bash, script)
	hook.Dir = t.TempDir()
	hook.Env = []string{
		"PATH=" + os.Getenv("PATH"), "DATABASE_HOST=h", "DATABASE_PORT=1", "DATABASE_NAME=n", "DATABASE_USER=u",
	}
	if out, err := hook.CombinedOutput(); err == nil || !strings.Contains(string(out), "DATABASE_PASSWORD") {
		t.Errorf("hook says %q, error %v", out, err)
	}
}

func TestTheSameSettingsMakeTheSameBundle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settings := anySettings(t)
		body, key, err := Bundle(settings, "topic.example.com")
		if err != nil {
			t.Fatal(err)
		}
		again, sameKey, err := Bundle(settings, "topic.example.com")
		if err != nil {
			t.Fatal(err)
		}
		if key != sameKey || !bytes.Equal(body, again) {
			t.Fatal("bundles differ")
		}
	})
}

func checkDatabaseURL(t *testing.T, path, password string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("file mode is %v", info.Mode())
	}
	address, ok := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), "DATABASE_URL=")
	parsed, err := url.Parse(address)
	if err != nil || !ok {
		t.Fatalf("line %q: %v", text, err)
	}
	got, _ := parsed.User.Password()
	if got != password || parsed.User.Username() != "app" || parsed.Host != "db.example.com:5432" ||
		parsed.Path != "/app" {
		t.Errorf("address %q has the password %q", address, got)
	}
}

func unzip(t *testing.T, settings perch.Settings) (names []string, bodies map[string][]byte) {
	t.Helper()
	body, _, err := Bundle(settings, "topic.example.com")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	bodies = map[string][]byte{}
	for _, file := range reader.File {
		opened, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		if bodies[file.Name], err = io.ReadAll(opened); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file.Name, ".sh") && file.Mode().Perm() != 0o755 {
			t.Errorf("%s has the mode %v", file.Name, file.Mode())
		}
		names = append(names, file.Name)
	}
	return names, bodies
}
