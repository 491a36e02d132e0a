package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"perch"
)

// check runs `up` and `down` against a Temporal that does not answer: exit code 1 is a request that
// was to be sent.
func (e ciEvent) check(t *testing.T, dir, head string) {
	t.Helper()
	env := map[string]string{"PERCH_PROJECT": "shop", "PERCH_REPO": dir, "TEMPORAL_ADDRESS": "127.0.0.1:1"}
	maps.Copy(env, e.env)
	if e.event != "" {
		env["GITHUB_EVENT_PATH"] = eventFile(t, e.event)
	}
	read := func(name string) string { return env[name] }
	a := &app{stdout: io.Discard, stderr: io.Discard, env: read, output: "text"}
	up, err := a.askUp(t.Context(), nil, upOptions{}, waiting{timeout: time.Minute})
	e.compare(t, "up", up, err, cmp.Or(e.problem, e.problemUp))
	if want := e.commit; up.target.commit != want {
		t.Errorf("up is for commit %q, want %q (the checkout has %s)", up.target.commit, want, head)
	}
	down, err := a.askDown(t.Context(), nil, downOptions{}, waiting{timeout: time.Minute})
	e.compare(t, "down", down, err, e.problem)

	named, err := a.askUp(t.Context(), []string{"topic"}, upOptions{commit: commitB}, waiting{timeout: time.Minute})
	ciEvent{branch: "topic"}.compare(t, "up topic --commit", named, err, "")
	if named.target.commit != commitB {
		t.Errorf("up topic --commit is for commit %q, want %s", named.target.commit, commitB)
	}
	named, err = a.askDown(t.Context(), []string{"topic"}, downOptions{}, waiting{timeout: time.Minute})
	ciEvent{branch: "topic"}.compare(t, "down topic", named, err, "")
}

func (e ciEvent) compare(t *testing.T, command string, got requestReport, err error, problem string) {
	t.Helper()
	if e.skipped {
		if err != nil || got.result.Outcome != perch.OutcomeSkipped || got.code() != exitDone {
			t.Errorf("%s: outcome %q, %v; want it skipped", command, got.result.Outcome, err)
		}
		return
	}
	want := exitFailed
	if problem != "" {
		want = exitUsage
	}
	var exit *exitError
	if !errors.As(err, &exit) || exit.code != want || !strings.Contains(err.Error(), problem) {
		t.Errorf("%s: %v; want exit code %d and %q", command, err, want, problem)
	}
	branch := e.branch
	if problem != "" {
		branch = got.target.environment.Branch
		if branch != "" && branch != e.branch {
			t.Errorf("%s is for branch %q, want none", command, branch)
		}
	}
	if got.target.environment.Branch != branch {
		t.Errorf("%s is for branch %q, want %q", command, got.target.environment.Branch, branch)
	}
}

// onRef is a job of GitHub Actions on a branch or a tag.
func onRef(event, kind, name string) map[string]string {
	folder := map[string]string{"branch": "refs/heads/", "tag": "refs/tags/"}[kind]
	return map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/shop",
		"GITHUB_RUN_ID": "77", "GITHUB_EVENT_NAME": event, "GITHUB_REF_TYPE": kind, "GITHUB_REF_NAME": name,
		"GITHUB_REF": folder + name, "GITHUB_SHA": commitA,
	}
}

// onDefault is a job of an event for which GitHub sets the default branch.
func onDefault(event string) map[string]string { return onRef(event, "branch", "main") }

func onCircle(more ...string) map[string]string {
	return with(map[string]string{"CIRCLECI": "true", "CIRCLE_SHA1": commitA}, more...)
}

func with(env map[string]string, more ...string) map[string]string {
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

func workflowRun(event, branch, repository string, id int) string {
	return fmt.Sprintf(`{"workflow_run":{"event":%q,"head_branch":%q,"head_sha":%q,`+
		`"head_repository":{"id":%d,"full_name":%q}},"repository":{"id":7,"full_name":"acme/shop"}}`,
		event, branch, commitB, id, repository)
}

// newCheckout is a checkout of main with one commit.
func newCheckout(t *testing.T) (dir, head string) {
	t.Helper()
	dir = t.TempDir()
	onMain := git.InitOptions{DefaultBranch: plumbing.Main}
	repository, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: onMain})
	must(t, err)
	file := "project: shop\nimage: example.org/shop:{commit}\n"
	must(t, os.WriteFile(filepath.Join(dir, "perch.yaml"), []byte(file), 0o600))
	tree, err := repository.Worktree()
	must(t, err)
	_, err = tree.Add("perch.yaml")
	must(t, err)
	author := &object.Signature{Name: "Jane", Email: "jane@example.org", When: time.Unix(1700000000, 0)}
	commit, err := tree.Commit("first", &git.CommitOptions{Author: author})
	must(t, err)
	return dir, commit.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
