package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/readapi"
)

// failedPage is the page of main, whose deployment failed with so many log lines.
func failedPage(t *testing.T, lines int) readapi.Page {
	t.Helper()
	log := &perch.LogLines{Source: "app.log", Masked: 2}
	for i := range lines {
		log.Lines = append(log.Lines, perch.LogLine{
			At: time.Date(2026, 11, 2, 12, 0, i, 0, time.UTC), Stream: "i-1", Text: fmt.Sprintf("line %d\x1b[2J", i),
		})
	}
	page := readapi.Page{Log: log}
	page.Branch, page.State = "main", "failed"
	page.LastReport = &perch.LastReport{Goal: perch.GoalUp, Phase: perch.PhaseFailed, Sentence: "no answer"}
	return page
}

// readAPIOf answers as a worker that has the page.
func readAPIOf(t *testing.T, page readapi.Page) map[string]string {
	t.Helper()
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != readapi.PathPage || r.URL.Query().Get("branch") != "main" {
			w.WriteHeader(http.StatusNotFound)
		}
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(worker.Close)
	return map[string]string{readAddressVariable: worker.URL, readTokenVariable: "token"}
}

// TestStatusShowsTheLastLogLinesOfAFailedDeployment has the lines after the status, and none after
// that of an environment that is ready.
func TestStatusShowsTheLastLogLinesOfAFailedDeployment(t *testing.T) {
	ready := readapi.Page{}
	ready.Branch, ready.LastReport = "main", &perch.LastReport{Goal: perch.GoalUp, Phase: perch.PhaseReady}
	for name, c := range map[string]struct {
		page readapi.Page
		says bool
	}{"failed": {failedPage(t, 3), true}, "ready": {ready, false}} {
		env := readAPIOf(t, c.page)
		env["PERCH_PROJECT"] = "shop"
		var stdout, stderr strings.Builder
		a := &app{stdout: &stdout, stderr: &stderr, env: func(name string) string { return env[name] }, output: "text"}
		if err := a.status(t.Context(), []string{"main"}); err != nil {
			t.Fatal(err)
		}
		says := strings.Contains(stdout.String(), "i-1: line 2") &&
			strings.Contains(stdout.String(), "2 secrets are masked.")
		if says != c.says {
			t.Errorf("%s: the log is there: %t\n%s", name, says, stdout.String())
		}
	}
}

// TestAFailedDeploymentShowsTheLastLogLines reads them from the worker's read API if its address is
// known, and else names the command that does.
func TestAFailedDeploymentShowsTheLastLogLines(t *testing.T) {
	const name = "`perch logs main` shows what the environment has logged."
	for kind, c := range map[string]struct {
		env       map[string]string
		want, not []string
	}{
		"read API": {
			readAPIOf(t, failedPage(t, 40)),
			[]string{
				"The last log lines of app.log:", "12:00:39Z i-1: line 39[2J", "line 10[2J\n", "2 secrets are masked.",
			},
			[]string{"line 9[2J\n", "\x1b", name},
		},
		"no log":            {readAPIOf(t, readapi.Page{Status: failedPage(t, 0).Status}), []string{name}, nil},
		"no read API":       {nil, []string{name}, nil},
		"an impossible one": {map[string]string{readAddressVariable: "localhost"}, []string{name}, nil},
		"one that is away": {
			map[string]string{readAddressVariable: "http://127.0.0.1:1", readTokenVariable: "t"}, []string{name}, nil,
		},
	} {
		var stdout, stderr strings.Builder
		a := &app{stdout: &stdout, stderr: &stderr, env: func(name string) string { return c.env[name] }}
		failed := requestReport{
			target: target{environment: environment(t, "main"), commit: commitA}, goal: perch.GoalUp,
			failure: "no answer",
			result:  perch.Result{Outcome: perch.OutcomeFailed},
		}
		failed.log = a.failureLog(t.Context(), failed.target.environment)
		a.tellUp(failed)
		for _, want := range append(c.want, "up main at aaaaaaa failed: no answer") {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: %q is missing in\n%s", kind, want, stderr.String())
			}
		}
		for _, not := range c.not {
			if strings.Contains(stderr.String(), not) {
				t.Errorf("%s: %q is in\n%s", kind, not, stderr.String())
			}
		}
	}
}
