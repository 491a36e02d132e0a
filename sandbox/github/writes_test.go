package github_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/google/go-github/v60/github"

	"perch/sandbox/github"
)

func TestDeploymentNeedsAnExistingCommit(t *testing.T) {
	h := start(t)
	deployment, err := h.deploy()
	must(t, err)
	creator := deployment.GetCreator().GetLogin()
	if deployment.GetSHA() != h.commit || deployment.GetTask() != "perch:login" || creator != github.User {
		t.Errorf("created %+v", deployment)
	}
	_, err = h.deploy(func(r *api.DeploymentRequest) { r.Ref = api.String(strings.Repeat("1", 40)) })
	wantError(t, err, 422, "No ref found for: "+strings.Repeat("1", 40))
	byBranch, err := h.deploy(func(r *api.DeploymentRequest) { r.Ref = api.String("feature/login") })
	must(t, err)
	if byBranch.GetSHA() != h.commit || byBranch.GetRef() != "feature/login" {
		t.Errorf("created %+v", byBranch)
	}
}

func TestDeploymentDefaultsMergeAndRequireStatuses(t *testing.T) {
	h := start(t)
	_, err := h.deploy(func(r *api.DeploymentRequest) { r.AutoMerge = nil })
	wantError(t, err, 409, "Conflict merging main into "+h.commit+".")
	must(t, h.setStatus(h.client(), h.commit, "pending", "ci/test", ""))
	_, err = h.deploy(func(r *api.DeploymentRequest) { r.RequiredContexts = nil })
	wantError(t, err, 409, "Conflict: Commit status checks failed for "+h.commit+".")
	_, err = h.deploy()
	must(t, err)
}

func TestListDeploymentsFilters(t *testing.T) {
	h := start(t)
	ours, err := h.deploy()
	must(t, err)
	other, err := h.deploy(func(r *api.DeploymentRequest) {
		r.Task, r.Environment = api.String("perch:cart"), api.String("other")
	})
	must(t, err)
	type by = api.DeploymentsListOptions
	for name, test := range map[string]struct {
		by   by
		want []int64
	}{
		"all deployments, newest first": {by{}, []int64{other.GetID(), ours.GetID()}},
		"task":                          {by{Task: "perch:login"}, []int64{ours.GetID()}},
		"environment":                   {by{Environment: "other"}, []int64{other.GetID()}},
		"ref and sha":                   {by{Ref: h.commit, SHA: h.commit, Task: "perch:cart"}, []int64{other.GetID()}},
		"another sha":                   {by{SHA: h.base}, nil},
		"a page":                        {by{ListOptions: api.ListOptions{PerPage: 1, Page: 2}}, []int64{ours.GetID()}},
	} {
		t.Run(name, func(t *testing.T) {
			found, _, err := h.client().Repositories.ListDeployments(ctx, "acme", "shop", &test.by)
			must(t, err)
			var got []int64
			for _, d := range found {
				got = append(got, d.GetID())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSuccessMakesEarlierDeploymentsInactiveUnlessTheyAreTransient(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*api.DeploymentRequest)
		want   string
	}{
		"transient":     {func(*api.DeploymentRequest) {}, "success"},
		"not transient": {func(r *api.DeploymentRequest) { r.TransientEnvironment = nil }, "inactive"},
		"production": {func(r *api.DeploymentRequest) {
			r.TransientEnvironment, r.ProductionEnvironment = nil, api.Bool(true)
		}, "success"},
		"another environment": {func(r *api.DeploymentRequest) {
			r.TransientEnvironment, r.Environment = nil, api.String("other")
		}, "success"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			earlier, err := h.deploy(test.change)
			must(t, err)
			must(t, h.setDeploymentStatus(earlier, "success", ""))
			later, err := h.deploy()
			must(t, err)
			must(t, h.setDeploymentStatus(later, "success", ""))
			if got := h.Deployments()[0].State(); got != test.want {
				t.Errorf("the earlier deployment is %s, want %s", got, test.want)
			}
		})
	}
}

func TestDeploymentStatuses(t *testing.T) {
	h := start(t)
	deployment, err := h.deploy()
	must(t, err)
	err = h.setDeploymentStatus(deployment, "success", strings.Repeat("ä", 141))
	wantError(t, err, 422, "description is too long (maximum is 140 characters)")
	wantError(t, h.setDeploymentStatus(deployment, "asleep", ""), 422, "state is not included in the list")
	for _, state := range []string{"queued", "in_progress", "success", "failure", "error", "inactive"} {
		must(t, h.setDeploymentStatus(deployment, state, strings.Repeat("ä", 140)))
	}
	repositories := h.client().Repositories
	found, _, err := repositories.ListDeploymentStatuses(ctx, "acme", "shop", deployment.GetID(), nil)
	must(t, err)
	if len(found) != 6 || found[0].GetState() != "inactive" {
		t.Errorf("found %d statuses, of which the newest is %s", len(found), found[0].GetState())
	}
	wantError(t, h.setDeploymentStatus(&api.Deployment{ID: api.Int64(7)}, "success", ""), 404, "Not Found")
}

func TestCommitStatusLimits(t *testing.T) {
	h := start(t)
	h.SetContentLimits(2000, 2000)
	for range 1000 {
		must(t, h.setStatus(h.client(), h.commit, "pending", "perch/shop", ""))
	}
	wantError(t, h.setStatus(h.client(), h.commit, "success", "perch/shop", ""), 422,
		"This SHA and context has reached the maximum number of statuses.")
	must(t, h.setStatus(h.client(), h.commit, "success", "perch/other", ""))
	wantError(t, h.setStatus(h.client(), h.commit, "success", "perch/other", strings.Repeat("x", 141)), 422,
		"description is too long (maximum is 140 characters)")
	wantError(t, h.setStatus(h.client(), strings.Repeat("1", 40), "success", "perch/other", ""), 422,
		"No commit found for SHA: "+strings.Repeat("1", 40))
	found, _, err := h.client().Repositories.ListStatuses(ctx, "acme", "shop", h.commit, nil)
	must(t, err)
	if len(found) != 30 || found[0].GetContext() != "perch/other" {
		t.Errorf("found %d statuses, of which the newest has the context %s", len(found), found[0].GetContext())
	}
}

func TestCommentIsCreatedEditedAndListed(t *testing.T) {
	h := start(t)
	client := h.client()
	written, err := h.comment(client, "in progress")
	must(t, err)
	must(t, h.edit(written, "ready"))
	found, _, err := client.Issues.ListComments(ctx, "acme", "shop", h.request, nil)
	must(t, err)
	if len(found) != 1 || found[0].GetBody() != "ready" || found[0].GetUser().GetLogin() != github.User {
		t.Errorf("found %v", found)
	}
	for body, want := range map[string]string{
		strings.Repeat("ä", 65537): "Body is too long (maximum is 65536 characters)",
		"":                         "Body cannot be blank",
	} {
		_, err = h.comment(client, body)
		wantError(t, err, 422, want)
	}
	_, err = h.comment(client, strings.Repeat("ä", 65536))
	must(t, err)
}

func TestPeopleEditLockAndDeleteComments(t *testing.T) {
	h := start(t)
	client := h.client()
	written, err := h.comment(client, "ready")
	must(t, err)
	h.EditComment(written.GetID(), "I was here")
	if got := h.Comments(h.request)[0]; got.Body != "I was here" || got.Author != github.User {
		t.Errorf("found %+v", got)
	}
	h.EditPullRequest(h.request, func(p *github.PullRequest) { p.Locked = true })
	_, err = h.comment(client, "more")
	wantError(t, err, 403, "Unable to create comment because issue is locked.")
	h.DeleteComment(written.GetID())
	wantError(t, h.edit(written, "ready"), 404, "Not Found")
	_, _, err = client.Issues.GetComment(ctx, "acme", "shop", written.GetID())
	wantError(t, err, 404, "Not Found")
}

func TestDeleteCommentInALockedConversation(t *testing.T) {
	h := start(t)
	written, err := h.comment(h.client(), "ready")
	must(t, err)
	h.EditPullRequest(h.request, func(p *github.PullRequest) { p.Locked = true })
	remove := func() error {
		response, err := h.client().Issues.DeleteComment(ctx, "acme", "shop", written.GetID())
		if err == nil && response.StatusCode != 204 {
			t.Errorf("the response has the status %d", response.StatusCode)
		}
		return err
	}
	h.Grant(github.Token, github.Access{Login: github.User, Permissions: github.Without("pull_requests")})
	wantError(t, remove(), 403, "Resource not accessible by personal access token")
	h.Accept(github.Token, true)
	must(t, remove())
	if left := h.Comments(h.request); len(left) != 0 {
		t.Errorf("these comments were not deleted: %+v", left)
	}
	wantError(t, remove(), 404, "Not Found")
}

func TestListPullRequestsFiltersByOwnerAndBranch(t *testing.T) {
	h := start(t)
	fork := h.OpenPullRequest(github.PullRequest{Author: "eve", Owner: "eve", Head: "feature/login"})
	closed := h.OpenPullRequest(github.PullRequest{Author: "bob", Head: "feature/login", Closed: true})
	type by = api.PullRequestListOptions
	for name, test := range map[string]struct {
		by   by
		want []int
	}{
		"all open ones":                      {by{}, []int{fork, h.request}},
		"of the branch":                      {by{Head: "acme:feature/login"}, []int{h.request}},
		"of the fork":                        {by{Head: "eve:feature/login"}, []int{fork}},
		"of a branch without a pull request": {by{Head: "acme:feature/cart"}, nil},
		"open and closed":                    {by{Head: "acme:feature/login", State: "all"}, []int{closed, h.request}},
		"a head without an owner is ignored": {by{Head: "feature/cart"}, []int{fork, h.request}},
	} {
		t.Run(name, func(t *testing.T) {
			found, _, err := h.client().PullRequests.List(ctx, "acme", "shop", &test.by)
			must(t, err)
			var got []int
			for _, p := range found {
				got = append(got, p.GetNumber())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAPullRequestFollowsItsBranch(t *testing.T) {
	h := start(t)
	h.EditPullRequest(h.request, func(p *github.PullRequest) { p.Labels = []string{"perch:off"} })
	read := func() *api.PullRequest {
		found, _, err := h.client().PullRequests.Get(ctx, "acme", "shop", h.request)
		must(t, err)
		return found
	}
	found := read()
	got := []string{
		found.GetHead().GetSHA(), found.GetHead().GetRef(), found.GetTitle(), found.GetUser().GetLogin(),
		found.Labels[0].GetName(), found.GetHTMLURL(),
	}
	want := []string{h.commit, "feature/login", "Let people log in", "ana", "perch:off", h.URL + "/acme/shop/pull/1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	second := h.push("feature/login", "three")
	if got := read().GetHead().GetSHA(); got != second {
		t.Errorf("after a push the pull request has the commit %s, want %s", got, second)
	}
	h.deleteBranch("feature/login")
	if got := read(); got.GetState() != "closed" || got.GetHead().GetSHA() != second {
		t.Errorf("after its branch was deleted, the pull request is %s at %s", got.GetState(), got.GetHead().GetSHA())
	}
}

func TestFileKeepsTheState(t *testing.T) {
	file := filepath.Join(t.TempDir(), "github.json")
	first := startWith(t, github.Config{File: file})
	written, err := first.comment(first.client(), "ready")
	must(t, err)
	second := startWith(t, github.Config{File: file})
	if diff := cmp.Diff(
		first.Comments(1), second.Comments(1),
	); diff != "" || second.Comments(1)[0].ID != written.GetID() {
		t.Errorf("-before +after:\n%s", diff)
	}
}
