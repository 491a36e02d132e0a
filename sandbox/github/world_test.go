package github_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
	api "github.com/google/go-github/v60/github"

	"perch/sandbox/github"
	"perch/sandbox/github/githubtest"
)

var ctx = context.Background()

// clock is a clock whose time changes only when a test advances it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// hub is a server whose repository has a branch with one commit and an open pull request.
type hub struct {
	*github.Server
	*clock
	t      *testing.T
	commit string
	// base is the commit of main. It is not an ancestor of the branch's commit.
	base    string
	request int
}

func start(t *testing.T) *hub { return startWith(t, github.Config{}) }

func startWith(t *testing.T, config github.Config) *hub {
	t.Helper()
	repository, err := git.Init(memory.NewStorage(), nil)
	must(t, err)
	must(t, repository.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/main")))
	h := &hub{t: t, clock: &clock{now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}}
	config.Repository, config.Now = repository, h.Now
	h.Server = githubtest.Start(t, config)
	h.base = h.push("main", "one")
	h.commit = h.push("feature/login", "two")
	h.request = h.OpenPullRequest(github.PullRequest{Title: "Let people log in", Author: "ana", Head: "feature/login"})
	return h
}

// push creates a commit without parents, and a branch that points to it.
func (h *hub) push(branch, message string) string {
	h.t.Helper()
	var hash plumbing.Hash
	h.Change(func(repository *git.Repository) {
		who := object.Signature{Name: "Ana", Email: "ana@example.com", When: h.Now()}
		content := repository.Storer.NewEncodedObject()
		must(h.t, (&object.Commit{Author: who, Committer: who, Message: message}).Encode(content))
		var err error
		hash, err = repository.Storer.SetEncodedObject(content)
		must(h.t, err)
		must(
			h.t,
			repository.Storer.SetReference(plumbing.NewHashReference(plumbing.NewBranchReferenceName(branch), hash)),
		)
	})
	return hash.String()
}

// deleteBranch deletes a branch.
func (h *hub) deleteBranch(branch string) {
	h.Change(func(repository *git.Repository) {
		must(h.t, repository.Storer.RemoveReference(plumbing.NewBranchReferenceName(branch)))
	})
}

// clientWith returns a client that authenticates with a token.
func (h *hub) clientWith(token string) *api.Client {
	h.t.Helper()
	client, err := api.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(h.URL, h.URL)
	must(h.t, err)
	return client
}

func (h *hub) client() *api.Client { return h.clientWith(github.Token) }

// comment creates a comment on the pull request.
func (h *hub) comment(client *api.Client, body string) (*api.IssueComment, error) {
	comment, _, err := client.Issues.CreateComment(ctx, "acme", "shop", h.request, &api.IssueComment{Body: &body})
	return comment, err
}

// edit replaces the text of a comment.
func (h *hub) edit(comment *api.IssueComment, body string) error {
	issues := h.client().Issues
	_, _, err := issues.EditComment(ctx, "acme", "shop", comment.GetID(), &api.IssueComment{Body: &body})
	return err
}

// deploy creates a deployment as Perch does.
func (h *hub) deploy(change ...func(*api.DeploymentRequest)) (*api.Deployment, error) {
	request := &api.DeploymentRequest{
		Ref: &h.commit, Task: api.String("perch:login"), Environment: api.String("preview"), AutoMerge: api.Bool(false),
		RequiredContexts: &[]string{}, TransientEnvironment: api.Bool(true), ProductionEnvironment: api.Bool(false),
	}
	for _, change := range change {
		change(request)
	}
	deployment, _, err := h.client().Repositories.CreateDeployment(ctx, "acme", "shop", request)
	return deployment, err
}

// setDeploymentStatus creates a status of a deployment.
func (h *hub) setDeploymentStatus(deployment *api.Deployment, state, description string) error {
	request := &api.DeploymentStatusRequest{State: &state, Description: &description}
	repositories := h.client().Repositories
	_, _, err := repositories.CreateDeploymentStatus(ctx, "acme", "shop", deployment.GetID(), request)
	return err
}

// setStatus creates a commit status.
func (h *hub) setStatus(client *api.Client, sha, state, name, description string) error {
	status := &api.RepoStatus{State: &state, Context: &name, Description: &description}
	_, _, err := client.Repositories.CreateStatus(ctx, "acme", "shop", sha, status)
	return err
}

// wantError checks the status and the message of an error response. A validation error has its
// message in the first of its errors.
func wantError(t *testing.T, err error, status int, message string) {
	t.Helper()
	var refused *api.ErrorResponse
	if !errors.As(err, &refused) {
		t.Errorf("got %v, want %d %s", err, status, message)
		return
	}
	got := refused.Message
	if len(refused.Errors) > 0 && refused.Errors[0].Message != "" {
		got = refused.Errors[0].Message
	}
	if refused.Response.StatusCode != status || got != message {
		t.Errorf("got %d %s, want %d %s", refused.Response.StatusCode, got, status, message)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
