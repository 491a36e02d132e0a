package github_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"perch/sandbox/github"
)

// page returns the status and the HTML of a page.
func (h *hub) page(path string) (status int, text string) {
	h.t.Helper()
	response, err := http.Get(h.URL + path)
	must(h.t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	must(h.t, err)
	return response.StatusCode, string(body)
}

func wantIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

func TestPullRequestPage(t *testing.T) {
	h := start(t)
	_, text := h.page("/acme/shop/pull/1")
	wantIn(t, text, "An imitation of GitHub", "Let people log in", "ana", "feature/login")
	wantIn(t, text, "This branch has not been deployed")

	_, err := h.comment(h.client(), "| State | Link |\n|---|---|\n| ready | http://login.example.com |\n\n"+
		"<details><summary>Settings</summary>\n\n- `a`\n\n</details>")
	must(t, err)
	deployment, err := h.deploy()
	must(t, err)
	must(t, h.setDeploymentStatus(deployment, "failure", "CREATE_FAILED"))
	must(t, h.setStatus(h.client(), h.commit, "failure", "perch/shop", "the bucket is taken"))
	_, text = h.page("/acme/shop/pull/1")
	wantIn(t, text, "<th>State</th>", "<details><summary>Settings</summary>", "<code>a</code>",
		`<a href="http://login.example.com"`, "Failed", "CREATE_FAILED", "perch/shop", "the bucket is taken")

	must(t, h.setDeploymentStatus(deployment, "inactive", "removed"))
	_, text = h.page("/acme/shop/pull/1")
	wantIn(t, text, "Destroyed")
	_, text = h.page("/acme/shop/pulls")
	wantIn(t, text, "Let people log in", "#1 open", "Destroyed")
}

func TestBranchAndCommitPagesRedirectToThePullRequest(t *testing.T) {
	h := start(t)
	for path, want := range map[string]string{
		"/tree/feature/login": "/acme/shop/pull/1", "/commit/" + h.commit: "/acme/shop/pull/1",
		"/tree/other":     "/acme/shop/pulls",
		"/commit/0000000": "/acme/shop/pulls", "/blob/main/x": "/acme/shop/blob/main/x",
	} {
		response, err := http.Get(h.URL + "/acme/shop" + path)
		must(t, err)
		must(t, response.Body.Close())
		if got := response.Request.URL.Path; got != want {
			t.Errorf("%s redirects to %s, want %s", path, got, want)
		}
	}
}

func TestADeploymentStaysWithItsPullRequestAfterAForcedPush(t *testing.T) {
	h := start(t)
	_, err := h.deploy()
	must(t, err)
	h.page("/acme/shop/pull/1")
	old := h.commit
	h.push("feature/login", "again")
	_, text := h.page("/acme/shop/pull/1")
	wantIn(t, text, old[:7])
	other := h.OpenPullRequest(github.PullRequest{Title: "Other", Author: "bob", Head: "main"})
	if _, text := h.page("/acme/shop/pull/" + string(rune('0'+other))); strings.Contains(text, old[:7]) {
		t.Error("the page of another pull request also shows the deployment")
	}
}

func TestPageRemovesScriptsFromComments(t *testing.T) {
	h := start(t)
	attack := `<script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a>`
	_, err := h.comment(h.client(), attack)
	must(t, err)
	_, text := h.page("/acme/shop/pull/1")
	for _, bad := range []string{"<script", "onerror", "javascript:"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in\n%s", bad, text)
		}
	}
}

func TestMissingPageIsNotFound(t *testing.T) {
	h := start(t)
	for _, path := range []string{"/acme/shop/pull/7", "/acme/other/pulls", "/acme/shop/issues"} {
		if status, text := h.page(path); status != http.StatusNotFound || !strings.Contains(text, "Not found") {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, text := h.page("/"); status != http.StatusOK || !strings.Contains(text, "Pull requests") {
		t.Errorf("the first page: %d\n%s", status, text)
	}
}
