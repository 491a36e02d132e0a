package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEverythingListensOnTheMachineItselfOnly checks every socket on which this process listens,
// including those of Temporal's internal services.
func TestEverythingListensOnTheMachineItselfOnly(t *testing.T) {
	t.Parallel()
	sharedSandbox(t)
	own := sockets(t)
	listening := 0
	for _, table := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile("/proc/self/net/" + table)
		if err != nil {
			t.Skipf("/proc is missing: %v", err)
		}
		for _, line := range strings.Split(string(data), "\n")[1:] {
			// The columns are: number, local address, remote address, state (0A is LISTEN), ...,
			// inode (proc(5)).
			columns := strings.Fields(line)
			if len(columns) < 10 || columns[3] != "0A" || !slices.Contains(own, columns[9]) {
				continue
			}
			listening++
			if address, _, _ := strings.Cut(columns[1], ":"); address != "0100007F" {
				t.Errorf("a socket listens on %s (hexadecimal), not on 127.0.0.1", columns[1])
			}
		}
	}
	if listening < 6 {
		t.Errorf("only %d sockets listen; the sandbox has more", listening)
	}
}

// sockets returns the inodes of the process's sockets.
func sockets(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var inodes []string
	for _, file := range files {
		target, err := os.Readlink(file)
		if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes
}
