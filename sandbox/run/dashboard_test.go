package run

import (
	"net/http"
	"strings"
	"testing"
)

// TestTheSandboxShowsItsDashboardFirst reads the output for people, and opens the dashboard.
func TestTheSandboxShowsItsDashboardFirst(t *testing.T) {
	t.Parallel()
	stdout, stderr := runUntilReady(t, "--up=false")
	_, rest, found := strings.Cut(stderr.String(), "Dashboard: ")
	address, _, _ := strings.Cut(rest, "\n")
	if !found || !strings.HasPrefix(strings.TrimSpace(stdout.String()), "dashboard     "+address+"\n") {
		t.Fatalf("it prints:\n%s%s", stderr.String(), stdout.String())
	}
	_, rest, _ = strings.Cut(stdout.String(), "\n  pull request  ")
	if pull, _, _ := strings.Cut(rest, "\n"); !strings.HasPrefix(pull, "http://") || !strings.Contains(pull, "/pull/") {
		t.Errorf("it prints the link %q to the pull request:\n%s", pull, stdout.String())
	}
	answer, err := http.Get(address)
	expectPage(t, answer, err, http.StatusOK, "acts as the local user <bdi>you</bdi> and may do everything")
}
