package run

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// watched is an output in which a test waits for a text.
type watched struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *watched) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(data)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// child is one of the programs as a separate process.
type child struct {
	*exec.Cmd
	stderr *watched
}

// said returns what it has written to stderr.
func (p child) said() string { return p.stderr.String() }

// program starts one of the programs as a person would in a shell with the sandbox's exports. It is
// killed when the test ends.
func (b *bench) program(t *testing.T, name string, args ...string) child {
	t.Helper()
	return b.programWith(t, nil, name, args...)
}

// programWith is program with more variables.
func (b *bench) programWith(t *testing.T, env []string, name string, args ...string) child {
	t.Helper()
	p := child{Cmd: exec.Command(name, args...), stderr: &watched{}}
	p.Env, p.Stderr = os.Environ(), p.stderr
	for _, export := range b.exports() {
		p.Env = append(p.Env, export.Name+"="+export.Value)
	}
	p.Env = append(p.Env, env...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = p.Process.Kill(), p.Wait() // It may have ended already.
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.said())
		}
	})
	return p
}
