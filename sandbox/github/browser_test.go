package github_test

import (
	"os"
	"strings"
	"testing"

	api "github.com/google/go-github/v60/github"

	"perch/sandbox/github"
	"perch/sandbox/github/browsertest"
)

// comments is the folder of the comments that Perch writes, one file for each state.
const comments = "../../report/testdata/"

// TestAPullRequestIsReadableOnADesktopAndAPhone opens a pull request in each state, with Perch's
// comment, long words, a wide table and code. The commit of the state skipped has no deployment.
// After the commit of the state superseded comes another commit, which is being deployed.
func TestAPullRequestIsReadableOnADesktopAndAPhone(t *testing.T) {
	browser := browsertest.Start(t)
	long := strings.Repeat("feature-with-a-very-long-name-", 4)
	for name, test := range map[string]struct {
		state, description, status string
		want, comment              string
	}{
		"queued": {"queued", "3rd in line", "pending", "Queued", "image.md"},
		"in-progress": {
			"in_progress", "CloudFormation creates the stack, about 6 minutes", "pending", "In progress", "stack.md",
		},
		"ready":    {"success", "commit bc44729 is ready", "success", "Active", "ready.md"},
		"failed":   {"failure", "CREATE_FAILED: the bucket " + long[:80], "failure", "Failed", "failed.md"},
		"rejected": {"error", "the policy does not allow kind production", "error", "Error", "rejected.md"},
		"warned":   {"success", "commit bc44729 is ready", "success", "Active", "warned.md"},
		"pinned":   {"success", "commit bc44729 is ready", "success", "Active", "pinned.md"},
		"expiring": {"success", "commit bc44729 is ready", "success", "Active", "expired-grace.md"},
		"expired": {
			"inactive", "the environment has expired and is removed", "success", "Destroyed", "expired-gone.md",
		},
		"removed":        {"inactive", "the branch was deleted", "success", "Destroyed", "gone.md"},
		"removal-failed": {"success", "commit bc44729 is ready", "success", "Active", "removal-failed.md"},
		"superseded":     {"inactive", "superseded by 2222222", "success", "Destroyed", "update.md"},
		"skipped": {
			"", "no environment: branch matches *-no-infra", "success", "This branch has not been deployed.",
			"skipped.md",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.EditPullRequest(h.request, func(p *github.PullRequest) { p.Body = "`" + long + "`" })
			written, err := os.ReadFile(comments + test.comment)
			must(t, err)
			_, err = h.comment(h.client(), string(written))
			must(t, err)
			_, err = h.comment(h.client(), "#### "+test.description+"\n\n| | |\n|---|---|\n"+
				"| Link | http://"+long+".example.com |\n| Commit | `bc44729` |\n\n<details><summary>Settings that "+
				"differ from staging</summary>\n\n```text\n"+
				strings.Repeat("a line of a log ", 20)+"\n```\n\n</details>")
			must(t, err)
			if test.state != "" {
				deployment, err := h.deploy()
				must(t, err)
				request := &api.DeploymentStatusRequest{State: &test.state, Description: &test.description,
					EnvironmentURL: api.String("http://" + long + ".example.com"), LogURL: api.String(h.URL)}
				repositories := h.client().Repositories
				_, _, err = repositories.CreateDeploymentStatus(ctx, "acme", "shop", deployment.GetID(), request)
				must(t, err)
			}
			must(t, h.setStatus(h.client(), h.commit, test.status, "perch/shop", test.description))
			var next []string
			if name == "superseded" {
				next = []string{"In progress", "deploying, about 9 min", "pending perch/shop"}
				h.commit = h.push("feature/login", "three")
				deployment, err := h.deploy()
				must(t, err)
				must(t, h.setDeploymentStatus(deployment, "in_progress", next[1]))
				must(t, h.setStatus(h.client(), h.commit, "pending", "perch/shop", next[1]))
			}
			for _, device := range browsertest.Devices {
				text, picture := browser.See(t, h.PullRequestURL(h.request), device)
				_, title, _ := strings.Cut(string(written), "### ")
				title, _, _ = strings.Cut(title, "\n")
				wantIn(t, text, test.want, title, test.description, "Let people log in", "An imitation of GitHub")
				wantIn(t, text, next...)
				if strings.Contains(text, "View deployment") != (test.state == "success") {
					t.Errorf("only state success has a link to the environment, state is %q:\n%s", test.state, text)
				}
				browsertest.Keep(t, "pull-request-"+name+"-"+device.Name, picture)
			}
		})
	}
}
