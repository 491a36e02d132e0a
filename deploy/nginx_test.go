package deploy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"perch/readapi"
	"perch/web/server"
)

// TestTheDashboardWorksBehindNginx serves the dashboard through the reverse proxy's configuration:
// by HTTPS, under the host that people open, and with events that arrive at once.
func TestTheDashboardWorksBehindNginx(t *testing.T) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed: install Debian's package nginx-light")
	}
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(readapi.Overview{Project: "shop"})
	}))
	t.Cleanup(worker.Close)
	public := &url.URL{Scheme: "https", Host: freeAddress(t)}
	dashboard := server.NewDashboard(server.Settings{
		Project: "shop", PublicURL: public, LocalUser: "you", Logger: slog.New(slog.DiscardHandler),
		Worker: &readapi.Client{Address: worker.URL, HTTP: worker.Client()},
	})
	web := httptest.NewServer(dashboard)
	t.Cleanup(web.Close)
	t.Cleanup(dashboard.Close)
	serveNginx(t, program, public.Host, strings.TrimPrefix(web.URL, "http://"))

	browser := &http.Client{Transport: &http.Transport{
		// The certificate is the test's.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
	}}
	t.Cleanup(browser.CloseIdleConnections)
	get := func(path string) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, public.String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			answer, err := browser.Do(request)
			if err == nil {
				return answer
			}
			if time.Now().After(end) {
				t.Fatal(err)
			}
		}
	}
	page := get("/")
	page.Body.Close()
	if page.StatusCode != http.StatusOK || page.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("the page is answered %s with %v", page.Status, page.Header)
	}
	events := get("/events")
	defer events.Body.Close()
	if line, err := bufio.NewReader(events.Body).ReadString('\n'); err != nil || line != "retry: 3000\n" {
		t.Errorf("the first line of the events is %q, %v", line, err)
	}
}

// freeAddress is an address of this machine on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// serveNginx has nginx pass on what comes to the address listen, as nginx.conf says, until the test
// ends.
func serveNginx(t *testing.T, program, listen, web string) {
	t.Helper()
	dir := t.TempDir()
	writeCertificate(t, dir)
	servers := strings.NewReplacer(
		"listen 443 ssl", "listen "+listen+" ssl", "listen 80", "listen "+freeAddress(t), "web:8080", web,
		"/etc/nginx/tls", dir,
	).Replace(read(t, "nginx.conf"))
	temporary := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += kind + "_temp_path " + filepath.Join(dir, kind) + ";\n"
	}
	config := filepath.Join(dir, "nginx.conf")
	text := "pid " + filepath.Join(dir, "pid") + ";\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n" +
		temporary + servers + "}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var said bytes.Buffer
	command := exec.CommandContext(
		ctx, program, "-p", dir, "-e", "stderr", "-c", config, "-g", "daemon off; master_process off;",
	)
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = command.Wait() // It was killed.
		if t.Failed() {
			t.Logf("nginx says:\n%s", said.String())
		}
	})
}

// writeCertificate writes a certificate of this machine, where nginx.conf expects it.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"fullchain.pem": {Type: "CERTIFICATE", Bytes: certificate},
		"privkey.pem":   {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
