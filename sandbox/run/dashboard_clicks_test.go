package run

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"perch"
	"perch/sandbox/github"
	"perch/sandbox/github/browsertest"
	"perch/web/pages"
)

// TestAPersonClicksEveryActionOfTheDashboard signs in with GitHub in a browser and acts on
// environments that exist. It checks the result with the starter, and that the page, the pull
// request, Slack and the log show the person's login.
func TestAPersonClicksEveryActionOfTheDashboard(t *testing.T) {
	t.Parallel()
	browser := browsertest.Start(t)
	b, posts := sharedSandbox(t).withSlack(t)
	// Perch posts one message a minute about an environment: here it is the one about the removal.
	posts.lose("*click/one* of clicks is ready")
	p := b.newDashboardOnGitHub(t, "clicks", bare("clicks", "  expiry: {idle: 168h}"), func(policy *perch.Policy) {
		policy.Cleanup.MaxRemovals, policy.Reports.Slack = 1, true
	})
	p.hub.SetRole("maria", "maintain", "write")
	for _, branch := range []string{"click/one", "click/two", "click/three"} {
		p.repo.commit(t, branch, map[string]string{"a.txt": branch})
		p.must(t, "up", branch)
	}
	pull := p.hub.OpenPullRequest(github.PullRequest{Title: "One", Author: "ana", Head: "click/one"})
	one := p.url + "/environment?" + url.Values{"branch": {"click/one"}}.Encode()
	form := func(action pages.Action) string { return `form[action="/actions/` + string(action) + `"] ` }
	saw := func(name string, texts ...string) {
		t.Helper()
		browser.Reads(t, texts...)
		browser.Photograph(t, "dashboard-"+name)
	}

	browser.Visit(t, p.url)
	browser.Click(t, `a[href="/signin"]`)
	browser.Reads(t, "Authorize an application")
	browser.Fill(t, `input[name=login]`, "maria")
	browser.Click(t, `button[value=yes]`)
	saw("all", "maria", "Sign out", "click/one", "click/two", "click/three")

	browser.Visit(t, one)
	browser.Fill(t, form(pages.ActionPin)+`input[name=reason]`, "demo on Friday")
	browser.Click(t, form(pages.ActionPin)+`button`)
	saw("pinned", "click/one is pinned until", "\nPin\n\nby maria, demo on Friday")
	if pin := p.must(t, "status", "click/one").text("pin", "by"); pin != "web:maria" {
		t.Errorf("the pin is %q's", pin)
	}
	browser.Click(t, form(pages.ActionUnpin)+`button`)
	saw("unpinned", "click/one is not pinned, and expires at", "\nEnd of the pin\n\nby maria")
	browser.Click(t, form(pages.ActionExtend)+`button`)
	saw("extended", "click/one is not pinned, and expires at", "\nExtension\n\nby maria")
	browser.Click(t, form(pages.ActionRedeploy)+`button`)
	saw("redeployed", "Requested: click/one is deployed again at commit")
	eventually(t, "the redeployment is the person's", func() (any, bool) {
		by := p.must(t, "status", "click/one").text("last_report", "by")
		return by, by == "web:maria"
	})
	eventually(t, "the pull request shows who has requested it", func() (any, bool) {
		comments := p.hub.Comments(pull)
		return comments, len(comments) == 1 && strings.Contains(comments[0].Body, "| Requested by | web:maria |")
	})

	browser.Click(t, `form[action="/confirm"] button`)
	browser.Fill(t, `input[name=confirm]`, "click/on")
	browser.Click(t, form(pages.ActionRemove)+`button`)
	saw("not-removed", "Nothing was removed: type the name of the branch, click/one, exactly as it is.")
	browser.Visit(t, one)
	browser.Click(t, `form[action="/confirm"] button`)
	browser.Fill(t, `input[name=confirm]`, "click/one")
	saw("confirm", "click/one")
	browser.Click(t, form(pages.ActionRemove)+`button`)
	saw("removing", "Requested: the environment of click/one is removed.")
	eventually(t, "the environment is gone", func() (any, bool) {
		listed := p.starter(t.Context(), "ls").stdout
		return listed, !strings.Contains(listed, "click/one")
	})
	eventually(t, "Slack is told who has requested the removal", func() (any, bool) {
		all := posts.all()
		return all, slices.ContainsFunc(all, func(text string) bool {
			return strings.HasPrefix(text, "*click/one* of clicks is removed") &&
				strings.Contains(text, ", requested by web:maria")
		})
	})
	browser.Visit(t, p.url+"/?tab=removed")
	saw("removed", "click/one", "by maria")

	p.repo.remove(t, "click/two")
	p.repo.remove(t, "click/three")
	p.ask(t, "cleanup")
	browser.Visit(t, p.url+"/?tab=attention")
	saw("held", "click/two", "click/three")
	browser.Click(t, form(pages.ActionApprove)+`button`)
	saw("approved", "Approved: cleanup has requested 2 removals.")
	for _, action := range pages.Actions() {
		contains(t, p.logs.String(), "msg=action who=maria role=maintain action="+string(action))
	}

	browser.Click(t, `form[action="/signout"] button`)
	saw("signed-out", "Sign in with GitHub")
}
