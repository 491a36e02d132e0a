package run

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch/sandbox/github"
)

// TestThePullRequestShowsTheEnvironment deploys a branch and removes its environment, and looks at what a person sees of it
// on GitHub.
func TestThePullRequestShowsTheEnvironment(t *testing.T) {
	t.Parallel()
	b := newSandbox(t, func(o *options) { o.hub = true })
	if out := b.starter(t.Context(), "application", "up"); out.exit != 0 {
		t.Fatalf("application up: %s", out.stderr)
	}
	var number int
	for _, pull := range b.github.PullRequests() {
		if pull.Head == "feature/login" {
			number = pull.Number
		}
	}
	comment := func() string {
		var body string
		for _, c := range b.github.Comments(number) {
			if c.Author == github.User {
				body += c.Body
			}
		}
		return body
	}
	if out := b.starter(t.Context(), "up", "feature/login"); out.exit != 0 {
		t.Fatalf("up: %s", out.stderr)
	}
	head := b.repo.head(t, "feature/login")
	var states []string
	for _, d := range b.github.Deployments() {
		for _, s := range d.Statuses {
			states = append(states, s.State)
		}
	}
	if diff := cmp.Diff([]string{"in_progress", "success"}, states); diff != "" {
		t.Errorf("deployment (-want +got):\n%s", diff)
	}
	statuses := b.github.Statuses(head)
	if last := statuses[len(statuses)-1]; last.State != "success" || last.URL == "" {
		t.Errorf("commit status %+v", last)
	}
	if body := comment(); strings.Count(body, "<!-- perch:") != 1 || !strings.Contains(body, "Environment is ready") || !strings.Contains(body, "| Link |") {
		t.Errorf("comment after the deployment:\n%s", body)
	}
	if body := comment(); !strings.Contains(body, "USD a day") {
		t.Errorf("the comment does not say what the environment costs:\n%s", body)
	}
	if writes := b.github.Writes(); len(writes) > 8 {
		t.Errorf("a deployment took %d writes: %q", len(writes), writes)
	}
	if out := b.starter(t.Context(), "down", "feature/login"); out.exit != 0 {
		t.Fatalf("down: %s", out.stderr)
	}
	if body := comment(); strings.Count(body, "<!-- perch:") != 1 || !strings.Contains(body, "Environment is removed") {
		t.Errorf("comment after the removal:\n%s", body)
	}
	if d := b.github.Deployments(); d[len(d)-1].State() != "inactive" {
		t.Errorf("deployment after the removal: %s", d[len(d)-1].State())
	}
}
