package run

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// gate is a proxy between a worker and a server. It can hold single requests, so that a worker can
// be killed during exactly that call. A killed worker never reads the held answer.
type gate struct {
	*httptest.Server
	proxy *httputil.ReverseProxy
	mu    sync.Mutex
	holds []*hold
}

// hold describes a request to hold.
type hold struct {
	// matches selects the request. body is the whole body, unescaped if it is a form.
	matches func(r *http.Request, body string) bool
	// pass is the number of matching requests that are let through first.
	pass int
	// after means that the request takes effect, and its answer is held.
	after bool
	// reached is closed when the request has arrived and, with after, has taken effect.
	reached chan struct{}
	once    sync.Once
}

// newGate opens a gate in front of the server at target.
func newGate(t *testing.T, target string) *gate {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}, ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}}
	g.Server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

func (g *gate) port() string { return g.URL[strings.LastIndex(g.URL, ":")+1:] }

// hold holds the requests that h matches, and returns h. Its reached is closed when the first of
// them has arrived.
func (g *gate) hold(h *hold) *hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	h.reached = make(chan struct{})
	g.holds = append(g.holds, h)
	return h
}

// open lets everything through from now on. Held requests stay held until their clients disconnect.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds = nil
}

func (g *gate) find(r *http.Request, body string) *hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.holds {
		if !h.matches(r, body) {
			continue
		}
		if h.pass--; h.pass < 0 {
			return h
		}
	}
	return nil
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // The client has disconnected.
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	text := string(body)
	if plain, err := url.QueryUnescape(text); err == nil {
		text = plain
	}
	h := g.find(r, text)
	if h == nil {
		g.proxy.ServeHTTP(w, r)
		return
	}
	if h.after {
		g.proxy.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
	}
	h.once.Do(func() { close(h.reached) })
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// calling selects the calls of a query API's action that contain all of texts.
func calling(action string, texts ...string) func(*http.Request, string) bool {
	return func(_ *http.Request, body string) bool {
		return hasParameter(body, "Action="+action) &&
			!slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(body, text) })
	}
}

// addressing selects the requests with a method whose host and path contain text.
func addressing(method, text string) func(*http.Request, string) bool {
	return func(r *http.Request, _ string) bool {
		return r.Method == method && strings.Contains(r.Host+r.URL.Path, text)
	}
}

func hasParameter(body, parameter string) bool {
	return strings.Contains("&"+body+"&", "&"+parameter+"&")
}

// process is a worker that runs as a separate process.
type process struct {
	cmd *exec.Cmd
	log string
}

// spawn starts a worker process with the sandbox's exports, overridden by other, and waits until it
// is ready.
func (b *bench) spawn(t *testing.T, other map[string]string) *process {
	t.Helper()
	// TestMain has put it on the path.
	return b.spawnCommand(t, other, "perch-worker", "--interval", testInterval.String())
}

// spawnCommand is spawn with the command that starts the worker, such as a shell.
func (b *bench) spawnCommand(t *testing.T, other map[string]string, command ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(command[0], command[1:]...), log: filepath.Join(t.TempDir(), "worker.log")}
	p.cmd.Env = b.environment(t, other)
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	eventually(t, "the worker is ready", func() (any, bool) {
		text, err := os.ReadFile(p.log)
		return string(text), err == nil && strings.Contains(string(text), "worker is ready")
	})
	return p
}

// kill ends the process by SIGKILL, so that it cannot clean up.
func (p *process) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Kill() // It may have ended already; then there is nothing to kill.
	_ = p.cmd.Wait()
}
