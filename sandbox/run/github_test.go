package run

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/sandbox/aws"
	"perch/sandbox/github"
	"perch/sandbox/github/browsertest"
)

// gitIn runs git in a folder, without a person's settings.
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

// onGitHub returns a sandbox whose repository is on the imitation of GitHub, with webhooks and a
// short grace period. changes may change its policy.
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

// running returns the commit that runs in the branch's environment; empty if no environment is
// ready.
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
	if testing.Short() {
		t.Skip("-short leaves it out: it takes minutes with the race detector")
	}
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

	lift := b.order(t, aws.Fault{Type: "AWS::ElasticBeanstalk::Environment", Phase: "create", Hang: true})
	gitIn(t, clone, "checkout", "--quiet", "feature/login")
	gitIn(t, clone, "commit", "--quiet", "--allow-empty", "--message", "Let people log out")
	gitIn(t, clone, "push", "--quiet", "origin", "feature/login")
	b.shows(t, "deploying", "Environment is being deployed", "In progress", "deploying, about", "pending")
	lift()
	follows("the branch that is checked out has its environment", "feature/login", gitIn(t, clone, "rev-parse", "HEAD"))

	b.shows(t, "ready", "Environment is ready", "Active", "View deployment", "http://feature-login-")

	const reason = "Command failed on instance. Return code: 1 Output: Engine execution has encountered an error."
	b.order(t, aws.Fault{Type: "AWS::ElasticBeanstalk::Environment", Phase: "update", Reason: reason, Count: 1})
	gitIn(t, clone, "commit", "--quiet", "--allow-empty", "--message", "Remember people")
	gitIn(t, clone, "push", "--quiet", "origin", "feature/login")
	b.shows(
		t, "failed", "Deployment failed", "Failed", reason, "The last ", "http://feature-login-",
		"failed: Environment (AWS::ElasticBeanstalk::Environment): Command failed on instance.",
	)

	gitIn(t, b.Sandbox.repo, "commit", "--quiet", "--allow-empty", "--message", "Without a push")
	follows("a commit in the repository itself is deployed", "feature/login", b.repo.head(t, "feature/login"))

	gitIn(t, clone, "push", "--quiet", "origin", "--delete", "feature/login")
	follows("the branch that is checked out is gone, too", "feature/login", "")
	b.shows(t, "removed", "Environment is removed", "Destroyed")
	if comments := b.github.Comments(1); len(comments) != 1 || comments[0].Author != githubUser {
		t.Errorf("the pull request has the comments %+v", comments)
	}
}

// TestAPushThatComesBeforeItsImageIsDeployedWhenTheImageComes pushes to a branch with a pull
// request while CI still builds the image.
func TestAPushThatComesBeforeItsImageIsDeployedWhenTheImageComes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves it out: it takes minutes with the race detector")
	}
	t.Parallel()
	const branch = "feature/login"
	b := onGitHub(t)
	clone := filepath.Join(t.TempDir(), "shop")
	gitIn(t, t.TempDir(), "clone", "--quiet", "--branch", branch, b.Sandbox.repo, clone)
	gitIn(t, clone, "commit", "--quiet", "--allow-empty", "--message", "Let people log out")
	commit := gitIn(t, clone, "rev-parse", "HEAD")
	built := b.hide(t, imageOf(commit))
	gitIn(t, clone, "push", "--quiet", "origin", branch)

	said := func(wanted ...string) {
		t.Helper()
		eventually(t, "the pull request says "+strings.Join(wanted, " and "), func() (any, bool) {
			body := b.comment(branch)
			return body, !slices.ContainsFunc(wanted, func(part string) bool { return !strings.Contains(body, part) })
		})
	}
	states := func() (states []string) {
		for _, status := range b.github.Statuses(commit) {
			states = append(states, status.State)
		}
		return states
	}
	said("waiting for the image", perch.ShortCommit(commit))
	if body := b.comment(branch); strings.Contains(body, "://feature-login-") {
		t.Errorf("there is a link before there is an environment:\n%s", body)
	}
	if shown := states(); slices.Contains(shown, "success") {
		t.Errorf("while the run waits for the image the commit has the statuses %q", shown)
	}
	if changes := b.changes(b.stackOf(t, branch)); len(changes) != 0 {
		t.Errorf("while the run waits for the image there were these calls: %v", changes)
	}

	built()
	said("Environment is ready", perch.ShortCommit(commit), "://feature-login-")
	if running, _ := b.running(branch); running != commit {
		t.Errorf("commit %q runs, want %s", running, commit)
	}
	eventually(t, "the deployment and the status are successful", func() (any, bool) {
		deployments, shown := b.github.Deployments(), states()
		return shown, len(deployments) == 1 && deployments[0].State() == "success" && shown[len(shown)-1] == "success"
	})
}

// TestExpiryIsSeenOnThePullRequest pins the demo's environment by the label, and lets it expire
// without the label.
func TestExpiryIsSeenOnThePullRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves it out: it takes minutes with the race detector")
	}
	t.Parallel()
	b := onGitHub(t, func(p *perch.Policy) { p.Expiry.Idle = 168 })
	label := func(labels ...string) {
		b.github.EditPullRequest(1, func(p *github.PullRequest) { p.Labels = labels })
	}
	expire := func(hours int, want perch.ExpiryAction) {
		t.Helper()
		b.aws.Forward(time.Duration(hours) * time.Hour)
		wantActions(t, b.expire(t, false), map[string]perch.ExpiryAction{"feature/login": want})
	}
	b.must(t, "up", "feature/login")
	label(perch.LabelKeep)
	b.shows(t, "pinned", "Environment is ready", "Pinned", "has the label perch:keep")
	label()
	eventually(t, "without its label it is not pinned", func() (any, bool) {
		text := pageOf(t, b.github.PullRequestURL(1))
		return text, !strings.Contains(text, "Pinned")
	})

	expire(150, perch.ExpiryWarn)
	b.shows(t, "warned", "This environment expires", "@ana", "perch extend feature/login", "not used for 168h")
	b.awaitWarnings(t)
	expire(30, perch.ExpiryRemove)
	b.shows(
		t, "expired", "Environment is removed", "The environment has expired", "perch up feature/login", "Destroyed",
	)
	if comments := b.github.Comments(1); len(comments) != 1 {
		t.Errorf("the pull request has the comments %+v", comments)
	}
	b.must(t, "up", "feature/login")
	b.shows(t, "back", "Environment is ready", "Active")
}

// shows waits until the page of the demo's pull request shows the state of the environment. A
// browser takes pictures of the page.
func (b *bench) shows(t *testing.T, state string, wanted ...string) {
	t.Helper()
	url := b.github.PullRequestURL(1)
	eventually(t, "the pull request shows that the environment is "+state, func() (any, bool) {
		text := pageOf(t, url)
		return text, !slices.ContainsFunc(wanted, func(part string) bool { return !strings.Contains(text, part) })
	})
	t.Run(state, func(t *testing.T) {
		browser := browsertest.Start(t)
		for _, device := range browsertest.Devices {
			text, picture := browser.See(t, url, device)
			contains(t, text, wanted...)
			browsertest.Keep(t, "github-"+state+"-"+device.Name, picture)
		}
	})
}

func pageOf(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
