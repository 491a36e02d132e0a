// Package githubtest starts the sandbox's imitation of GitHub for a test.
package githubtest

import (
	"net/http/httptest"
	"testing"

	"github.com/go-git/go-git/v5"

	"perch/sandbox/github"
)

// New starts a server for a repository. The server runs until the test ends.
func New(t testing.TB, repository *git.Repository) *github.Server {
	t.Helper()
	return Start(t, github.Config{Repository: repository})
}

// Start starts a server with a configuration. The server runs until the test ends.
func Start(t testing.TB, config github.Config) *github.Server {
	t.Helper()
	server, err := github.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	server.URL = listener.URL
	return server
}
