package github_test

import (
	"strings"
	"testing"

	api "github.com/google/go-github/v60/github"

	"perch/sandbox/github"
	"perch/sandbox/github/browsertest"
)

// TestAPullRequestIsReadableOnADesktopAndAPhone looks at long words, wide tables and code in each state.
func TestAPullRequestIsReadableOnADesktopAndAPhone(t *testing.T) {
	browser := browsertest.Start(t)
	long := strings.Repeat("feature-with-a-very-long-name-", 4)
	for name, test := range map[string]struct {
		state, description, status string
		want                       string
	}{
		"queued":      {"queued", "3rd in line", "pending", "Queued"},
		"in-progress": {"in_progress", "CloudFormation creates the stack, about 6 minutes", "pending", "In progress"},
		"ready":       {"success", "commit bc44729 is ready", "success", "Active"},
		"failed":      {"failure", "CREATE_FAILED: the bucket " + long[:80], "failure", "Failed"},
		"rejected":    {"error", "the policy does not allow kind production", "error", "Error"},
		"removed":     {"inactive", "the branch was deleted", "success", "Destroyed"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.EditPullRequest(h.request, func(p *github.PullRequest) { p.Body = "`" + long + "`" })
			_, err := h.comment(h.client(), "**"+test.description+"**\n\n| | |\n|---|---|\n"+
				"| Link | http://"+long+".example.com |\n| Commit | `bc44729` |\n\n<details><summary>Settings that differ from staging</summary>\n\n```text\n"+
				strings.Repeat("a line of a log ", 20)+"\n```\n\n</details>")
			must(t, err)
			deployment, err := h.deploy()
			must(t, err)
			request := &api.DeploymentStatusRequest{State: &test.state, Description: &test.description,
				EnvironmentURL: api.String("http://" + long + ".example.com"), LogURL: api.String(h.URL)}
			_, _, err = h.client().Repositories.CreateDeploymentStatus(ctx, "acme", "shop", deployment.GetID(), request)
			must(t, err)
			must(t, h.status(h.client(), h.commit, test.status, "perch/shop", test.description))
			for _, device := range browsertest.Devices {
				text, picture := browser.See(t, h.PullRequestURL(h.request), device)
				wantIn(t, text, test.want, test.description, "Let people log in", "An imitation of GitHub")
				if strings.Contains(text, "View deployment") != (test.state == "success") {
					t.Errorf("a link to the environment, which is %s:\n%s", test.want, text)
				}
				browsertest.Keep(t, "pull-request-"+name+"-"+device.Name, picture)
			}
		})
	}
}
