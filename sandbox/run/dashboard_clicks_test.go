package run

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"perch"
	"perch/sandbox/github/browsertest"
)

// newDashboard serves the dashboard of the project, and returns its log.
func (b *bench) newDashboard(t *testing.T) *watched {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.Sandbox.project.name = b.project
	b.dashboard, b.dashboardURL = listener, "http://"+listener.Addr().String()
	var logs watched
	if err := b.serveDashboard(t.Context(), &logs); err != nil {
		t.Fatal(err)
	}
	return &logs
}

// TestAPersonClicksEveryActionOfTheDashboard acts in a browser on environments that exist, and
// checks the result with the starter.
func TestAPersonClicksEveryActionOfTheDashboard(t *testing.T) {
	t.Parallel()
	browser := browsertest.Start(t)
	b, _ := sharedSandbox(t).withSlack(t)
	p := b.newProjectWithReaders(t, "clicks",
		map[string]string{"perch.yaml": bare("clicks", "  expiry: {idle: 168h}")},
		func(policy *perch.Policy) { policy.Cleanup.MaxRemovals, policy.Reports.Slack = 1, true }, newReadConfig(),
	)
	logs := p.newDashboard(t)
	for _, branch := range []string{"click/one", "click/two", "click/three"} {
		p.repo.commit(t, branch, map[string]string{"a.txt": branch})
		p.must(t, "up", branch)
	}
	one := "/environment?" + url.Values{"branch": {"click/one"}}.Encode()
	saw := func(name string, texts ...string) {
		t.Helper()
		browser.Reads(t, texts...)
		browser.Photograph(t, "dashboard-"+name)
	}
	browser.Visit(t, p.dashboardURL)
	saw(
		"all", "click/one", "click/two", "click/three",
		"everyone who reaches it acts as the local user you and may do everything",
	)

	browser.Visit(t, p.dashboardURL+one)
	browser.Fill(t, `form[action="/actions/pin"] input[name=reason]`, "demo on Friday")
	browser.Click(t, `form[action="/actions/pin"] button`)
	saw("pinned", "click/one is pinned until", "demo on Friday")
	if pin := p.must(t, "status", "click/one").text("pin", "by"); pin != "web:you" {
		t.Errorf("the pin is %q's", pin)
	}
	browser.Click(t, `form[action="/actions/unpin"] button`)
	saw("unpinned", "click/one is not pinned, and expires at")
	browser.Click(t, `form[action="/actions/extend"] button`)
	saw("extended", "click/one is not pinned, and expires at")
	browser.Click(t, `form[action="/actions/redeploy"] button`)
	saw("redeployed", "Requested: click/one is deployed again at commit")
	eventually(t, "the redeployment is the dashboard's", func() (any, bool) {
		by := p.must(t, "status", "click/one").text("last_report", "by")
		return by, by == "web:you"
	})

	browser.Visit(t, p.dashboardURL+"/confirm?branch=click%2Fone")
	browser.Fill(t, `input[name=confirm]`, "click/on")
	browser.Click(t, `form[action="/actions/remove"] button`)
	saw("not-removed", "Nothing was removed: type the name of the branch, click/one, exactly as it is.")
	browser.Visit(t, p.dashboardURL+"/confirm?branch=click%2Fone")
	browser.Fill(t, `input[name=confirm]`, "click/one")
	saw("confirm", "click/one")
	browser.Click(t, `form[action="/actions/remove"] button`)
	saw("removing", "Requested: the environment of click/one is removed.")
	eventually(t, "the environment is gone", func() (any, bool) {
		listed := p.starter(t.Context(), "ls").stdout
		return listed, !strings.Contains(listed, "click/one")
	})

	p.repo.remove(t, "click/two")
	p.repo.remove(t, "click/three")
	p.ask(t, "cleanup")
	browser.Visit(t, p.dashboardURL+"/?tab=attention")
	saw("held", "click/two", "click/three")
	browser.Click(t, `form[action="/actions/approve"] button`)
	saw("approved", "Approved: cleanup has requested 2 removals.")
	for _, action := range []string{"pin", "unpin", "extend", "redeploy", "remove", "approve"} {
		if line := "msg=action who=you role=admin action=" + action; !strings.Contains(logs.String(), line) {
			t.Errorf("the log does not have %q:\n%s", line, logs.String())
		}
	}
}
