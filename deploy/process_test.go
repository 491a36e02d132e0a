package deploy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// patience is how long anything may take: generous, because only a failure takes that long, and a
// machine may have much else to do.
const patience = 5 * time.Minute

// process is a program that runs.
type process struct {
	*exec.Cmd
	name string
	// log is the file of what it says.
	log string
	// ended is closed when it has ended.
	ended chan struct{}
}

// start starts command; what it says goes into a file of dir. It is killed when the test is over,
// and what it said is shown where the test failed.
func start(t testing.TB, dir, name string, command *exec.Cmd) *process {
	t.Helper()
	log, err := os.CreateTemp(dir, name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if command.Stdout == nil {
		command.Stdout = log
	}
	command.Stderr = log
	if err := command.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	p := &process{Cmd: command, name: name, log: log.Name(), ended: make(chan struct{})}
	go func() {
		_ = command.Wait() // ProcessState says how it ended.
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s, the end of what it said:\n%s", name, p.said(t))
		}
	})
	return p
}

// kill ends the process by SIGKILL and waits until it has ended.
func (p *process) kill() {
	_ = p.Process.Kill() // It may have ended already; then there is nothing to kill.
	<-p.ended
}

// over reports whether it has ended.
func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// exit waits for the end and returns the exit code. It gives up where watched processes end before.
func (p *process) exit(t testing.TB, watched ...*process) int {
	t.Helper()
	eventually(t, p.name+" ends", func() (any, bool) { return p.said(t), p.over() }, watched...)
	return p.ProcessState.ExitCode()
}

// said is the end of what the process has said.
func (p *process) said(t testing.TB) string {
	t.Helper()
	text := read(t, p.log)
	return text[max(0, len(text)-6000):]
}

// eventually waits until condition holds. The condition says what it saw. It gives up where watched
// processes end.
func eventually(t testing.TB, what string, condition func() (seen any, holds bool), watched ...*process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		seen, holds := condition()
		if holds {
			return
		}
		for _, p := range watched {
			if p.over() {
				t.Fatalf("%s: %s has ended: %s\n%s", what, p.name, p.ProcessState, p.said(t))
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s; last seen: %v", what, patience, seen)
		case <-ticker.C:
		}
	}
}

// freePorts are ports of 127.0.0.1 that nothing listens at. They are below those that the system
// gives away (32768 and up), so that no connection takes one before its program does, and since
// Temporal's schema keeps a server's ports in 15 bits.
func freePorts(t testing.TB, count int) []string {
	t.Helper()
	var ports []string
	for range 100 * count {
		port := strconv.Itoa(10_000 + rand.N(22_000))
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue // It is taken.
		}
		defer listener.Close() // Not before all are found: else one could be found twice.
		if ports = append(ports, port); len(ports) == count {
			return ports
		}
	}
	t.Fatalf("%d free ports are not to be found", count)
	return nil
}

// build builds the programs of packages into dir, each under its name.
func build(t testing.TB, dir string, packages map[string]string) {
	t.Helper()
	for name, path := range packages {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), path).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", path, err, out)
		}
	}
}

// environment is a process's environment of nothing but these variables and what any program needs.
func environment(t testing.TB, path string, variables map[string]string) []string {
	t.Helper()
	all := []string{"PATH=" + path + string(os.PathListSeparator) +
		os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + os.TempDir()}
	for name, value := range variables {
		all = append(all, fmt.Sprintf("%s=%s", name, value))
	}
	return all
}
