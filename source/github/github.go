// Package github reads branches and files of a repository through GitHub's API, on github.com or a
// GitHub Enterprise server.
//
// It is separate from package source, so that only the worker contains a GitHub client.
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

// answerTimeout is how long GitHub may take to begin its answer. GitHub itself gives up after 10
// seconds (GitHub docs: Troubleshooting the REST API).
const answerTimeout = 30 * time.Second

// Repository is one repository on GitHub. It has the methods of source.Git, and is safe for
// concurrent use. If GitHub rejects a call, the error is a *source.Rejected. A rate limit is a
// *source.RateLimited, which says when to try again. No error contains the credentials.
type Repository struct {
	owner, name string
	// client calls the REST API, and graph the GraphQL API.
	client, graph *api.Client
	// app makes requests as the App; nil for a token. installation is the id of the App's
	// installation.
	app          *api.Client
	installation int64
	// secrets must not be in any error.
	secrets []string
	now     func() time.Time

	// listing guards pages, which has the pages of the last listing by their numbers.
	listing sync.Mutex
	pages   map[int]page
}

// Open returns a Repository. It does not contact GitHub yet.
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

// stay prevents redirects. If a repository answers from another address, it was renamed, and people
// have to decide what that means.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func patient() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerTimeout
	return transport
}

// Client returns a second client of the REST API with the same credentials. A rate limit of one
// client does not stop the other.
func (r *Repository) Client() *api.Client { return beside(r.client, r.client.Client()) }

// beside returns another client of the same API.
func beside(client *api.Client, web *http.Client) *api.Client {
	other := api.NewClient(web)
	other.BaseURL, other.UserAgent = client.BaseURL, client.UserAgent
	return other
}

// Login returns the user to whom the token belongs, or the name under which the App writes, such as
// `perch[bot]`.
func (r *Repository) Login(ctx context.Context) (string, error) {
	if r.app != nil {
		app, _, err := r.app.Apps.Get(ctx, "")
		return app.GetSlug() + "[bot]", err
	}
	user, _, err := r.client.Users.Get(ctx, "")
	return user.GetLogin(), err
}

// Permissions returns the permissions of the App's installation, by GitHub's names; nil for a
// token.
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
