package cfn

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/server/common/testing/freeport"

	"perch"
)

// proxy runs a real nginx with the bundle's configuration before app, and returns its address. The
// test is skipped if there is no nginx.
func proxy(t *testing.T, settings perch.Settings, app *httptest.Server) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(freeport.MustGetFreePort()))
	// In the bundle's network the app is called app, and Docker has a resolver.
	config := strings.NewReplacer(
		"listen 80 ", "listen "+address+" ", "http://app:8080", app.URL,
	).Replace(string(proxyConfig(settings, "topic.example.com")))
	dir := t.TempDir()
	head := fmt.Sprintf("daemon off; master_process off; pid %s/pid; error_log stderr; events {}\nhttp {\n", dir)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		head += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(head+config+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	command := exec.Command(program, "-p", dir, "-c", file)
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		select {
		case <-ended:
			t.Fatalf("nginx ended: %s", said.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestHealthChecksComeWithTheEnvironmentsHost(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %s", r.Host, r.URL.Path, r.Header.Get("X-Forwarded-For"))
	}))
	defer app.Close()
	for _, path := range []string{"/healthz", "/", `/a"b\\c;{$d}%20e?full=1`, "/" + strings.Repeat("x", 900)} {
		address := proxy(t, perch.Settings{LoadBalancer: "shared", HealthPath: path}, app)
		for _, c := range []struct{ host, path, want string }{
			{"10.0.1.17", path, "topic.example.com"}, {"10.0.1.17:80", path, "topic.example.com"},
			{"[fd00::1]:80", path, "topic.example.com"},
			{"topic.example.com", path, "topic.example.com"},
			{"other.example.com:8080", path, "other.example.com:8080"}, {"10.0.1.17", "/somewhere/else", "10.0.1.17"},
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = c.host
			request.Header.Set("X-Forwarded-For", "198.51.100.7")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body := make([]byte, 2000)
			n, _ := response.Body.Read(body)
			_ = response.Body.Close()
			if want := c.want + " " + request.URL.Path + " 198.51.100.7"; string(body[:n]) != want {
				t.Errorf(
					"health path %.40s: %s%.40s reached the app as %.200q, want %.200q", path, c.host, c.path, body[:n],
					want,
				)
			}
		}
	}
}

func TestTheProxysConfigurationNamesNothingThatIsReplacedLater(t *testing.T) {
	config := string(proxyConfig(perch.Settings{HealthPath: "/HOST/PORT"}, "topic.example.com"))
	if !strings.Contains(config, `"1/HOST/PORT" "topic.example.com";`) ||
		!strings.Contains(config, "http://app:8080;") {
		t.Errorf("got %s", config)
	}
}

// Elastic Beanstalk writes .env, and the hook database.env, before Compose reads the file.
func TestComposeReadsABundle(t *testing.T) {
	compose, err := exec.LookPath("docker-compose")
	if err != nil {
		t.Skip("docker-compose is not installed")
	}
	for _, balancer := range []string{"shared", "none"} {
		dir := t.TempDir()
		_, bodies := unzip(t, perch.Settings{
			Image: "repo/shop:1", LoadBalancer: balancer, HealthPath: "/healthz", Database: &perch.Database{},
		})
		bodies[".env"], bodies["database.env"] = []byte("PORT=8080\n"), []byte("DATABASE_URL=postgres://x\n")
		for name, body := range bodies {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command := exec.CommandContext(t.Context(), compose, "config")
		command.Dir = dir
		out, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", balancer, err, out)
		}
		if mounted := strings.Contains(
			string(out), "source: "+filepath.Join(dir, "proxy.conf"),
		); mounted != (balancer == "shared") {
			t.Errorf("%s: the proxy's configuration is mounted: %v\n%s", balancer, mounted, out)
		}
	}
}
