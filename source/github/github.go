// Package github reads branches and files of a repository through GitHub's API, on github.com or an
// Enterprise server.
//
// It is apart from package source so that only the worker is built with a GitHub client.
package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	api "github.com/google/go-github/v60/github"

	"perch"
)

// answerTimeout is how long GitHub may take to begin its answer; it gives up after 10 seconds
// (GitHub docs: Troubleshooting the REST API).
const answerTimeout = 30 * time.Second

// Repository is one repository. It answers as source.Git does, and is safe for concurrent use. What
// GitHub rejects is a *source.Rejected, and a rate limit is a *source.RateLimited, which says until
// when; neither they nor any other error has the credentials in it.
type Repository struct {
	owner, name string
	// client asks the REST API, graph the GraphQL API.
	client, graph *api.Client
	// app asks as the App itself, whose installation has the id; nil for a token.
	app          *api.Client
	installation int64
	// secrets are never to be seen in an error.
	secrets []string
	now     func() time.Time

	// listing guards pages, the answers to the last listing by their number.
	listing sync.Mutex
	pages   map[int]page
}

// Open makes the client. GitHub is not contacted yet.
func Open(settings perch.GitHubSource, credentials Credentials) (*Repository, error) {
	owner, name, ok := strings.Cut(settings.Repository, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("open GitHub repository %q: its name must be owner/name", settings.Repository)
	}
	client := api.NewClient(nil)
	if settings.BaseURL != "" {
		enterprise, err := client.WithEnterpriseURLs(settings.BaseURL, settings.BaseURL)
		if err != nil {
			return nil, fmt.Errorf("open GitHub repository %s: %w", settings.Repository, err)
		}
		client = enterprise
	}
	transport, err := credentials.transport(patient(), strings.TrimRight(client.BaseURL.String(), "/"))
	if err != nil {
		return nil, fmt.Errorf("open GitHub repository %s: %w", settings.Repository, err)
	}
	base, web := client.BaseURL, &http.Client{Transport: transport, CheckRedirect: stay}
	client = api.NewClient(web)
	client.BaseURL, client.UserAgent = base, "perch"
	graph, err := graphClient(client, web)
	if err != nil {
		return nil, fmt.Errorf("open GitHub repository %s: %w", settings.Repository, err)
	}
	r := &Repository{
		owner: owner, name: name, client: client, graph: graph, secrets: credentials.secrets(), now: time.Now,
		pages: map[int]page{},
	}
	if credentials.Token == "" {
		r.installation = credentials.Installation
		r.app, err = credentials.asApp(client)
	}
	return r, err
}

// stay follows no redirect: a repository that answers from another place has been renamed, and
// people have to judge what is there.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func patient() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerTimeout
	return transport
}

// Client is another client of the REST API with the same credentials: a rate limit that it meets
// does not stop this one.
func (r *Repository) Client() *api.Client { return beside(r.client, r.client.Client()) }

// beside is a client of the same API.
func beside(client *api.Client, web *http.Client) *api.Client {
	other := api.NewClient(web)
	other.BaseURL, other.UserAgent = client.BaseURL, client.UserAgent
	return other
}

// Login is the user whose token it is, or the App's name as an author, such as `perch[bot]`.
func (r *Repository) Login(ctx context.Context) (string, error) {
	if r.app != nil {
		app, _, err := r.app.Apps.Get(ctx, "")
		return app.GetSlug() + "[bot]", err
	}
	user, _, err := r.client.Users.Get(ctx, "")
	return user.GetLogin(), err
}

// Permissions are what the App's installation may do, by GitHub's names; nil for a token.
func (r *Repository) Permissions(ctx context.Context) (map[string]string, error) {
	if r.app == nil {
		return nil, nil
	}
	installed, _, err := r.app.Apps.GetInstallation(ctx, r.installation)
	if err != nil {
		return nil, err
	}
	granted := installed.GetPermissions()
	return map[string]string{
		"deployments":   granted.GetDeployments(),
		"pull_requests": granted.GetPullRequests(),
		"statuses":      granted.GetStatuses(),
	}, nil
}

func (r *Repository) String() string { return r.owner + "/" + r.name }
