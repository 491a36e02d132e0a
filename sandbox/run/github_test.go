package run

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"perch"
)

// gitIn runs git in a folder, as a person does who has no settings.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not on PATH")
	}
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Env = []string{
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ana", "GIT_AUTHOR_EMAIL=ana@example.com",
		"GIT_COMMITTER_NAME=Ana", "GIT_COMMITTER_EMAIL=ana@example.com",
	}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// onGitHub is a sandbox whose repository is on the imitation of GitHub, with its webhooks and a short grace period; changes may
// change its policy.
func onGitHub(t *testing.T, changes ...func(*perch.Policy)) *bench {
	t.Helper()
	b := newSandbox(t, func(o *options) { o.hub, o.worker = true, false })
	if err := b.work(b.policyFile, func(p *perch.Policy) {
		p.Cleanup.Grace = time.Second
		for _, change := range changes {
			change(p)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.receiveWebhooks(context.Background()); err != nil {
		t.Fatal(err)
	}
	if out := b.starter(t.Context(), "application", "up"); out.exit != 0 {
		t.Fatalf("application up: %s", out.stderr)
	}
	return b
}

// running is the commit that runs in the branch's environment; empty if there is none that is ready.
func (b *bench) running(branch string) (commit string, there bool) {
	for _, e := range b.aws.Environments() {
		if e.Options["PERCH_BRANCH"] == perch.EncodeTag(branch) {
			if e.Status == "Ready" {
				commit = e.Options["PERCH_COMMIT"]
			}
			return commit, true
		}
	}
	return "", false
}

func TestTheEnvironmentFollowsThePushesToGitHub(t *testing.T) {
	t.Parallel()
	b := onGitHub(t)
	clone := filepath.Join(t.TempDir(), "shop")
	gitIn(t, t.TempDir(), "clone", "--quiet", b.Sandbox.repo, clone)
	follows := func(what, branch, want string) {
		t.Helper()
		eventually(t, what, func() (any, bool) {
			commit, there := b.running(branch)
			return commit, commit == want && there == (want != "")
		})
	}

	gitIn(t, clone, "checkout", "--quiet", "-b", "feature/cart", "origin/main")
	gitIn(t, clone, "commit", "--quiet", "--allow-empty", "--message", "A cart")
	gitIn(t, clone, "push", "--quiet", "origin", "feature/cart")
	follows("the new branch has its environment", "feature/cart", gitIn(t, clone, "rev-parse", "HEAD"))

	gitIn(t, clone, "push", "--quiet", "origin", "--delete", "feature/cart")
	follows("the deleted branch has none", "feature/cart", "")

	gitIn(t, clone, "checkout", "--quiet", "feature/login")
	gitIn(t, clone, "commit", "--quiet", "--allow-empty", "--message", "Let people log out")
	gitIn(t, clone, "push", "--quiet", "origin", "feature/login")
	follows("the branch that is checked out has its environment", "feature/login", gitIn(t, clone, "rev-parse", "HEAD"))

	gitIn(t, b.Sandbox.repo, "commit", "--quiet", "--allow-empty", "--message", "Without a push")
	follows("a commit in the repository itself is deployed", "feature/login", b.repo.head(t, "feature/login"))

	gitIn(t, clone, "push", "--quiet", "origin", "--delete", "feature/login")
	follows("the branch that is checked out is gone, too", "feature/login", "")
}
