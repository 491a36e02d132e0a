package github

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"

	"perch"
	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
)

// hash is the n-th of many commits without content.
func hash(n int) string { return fmt.Sprintf("%040x", n+1) }

// names are n branches in the order of their names.
func names(n int) map[string]string {
	branches := map[string]string{}
	for i := range n {
		branches[fmt.Sprintf("feature/%05d", i)] = hash(i)
	}
	return branches
}

// withBranches serves a repository of branches without content.
func withBranches(t testing.TB, branches map[string]string) *hub.Server {
	t.Helper()
	repository, err := git.Init(memory.NewStorage(), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := githubtest.New(t, repository)
	push(t, server, branches)
	return server
}

func push(t testing.TB, server *hub.Server, branches map[string]string) {
	t.Helper()
	server.Change(func(repository *git.Repository) {
		for name, commit := range branches {
			if err := repository.Storer.SetReference(plumbing.NewHashReference(
				plumbing.NewBranchReferenceName(name), plumbing.NewHash(commit),
			)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func remove(t testing.TB, server *hub.Server, branch string) {
	t.Helper()
	server.Change(func(repository *git.Repository) {
		if err := repository.Storer.RemoveReference(plumbing.NewBranchReferenceName(branch)); err != nil {
			t.Fatal(err)
		}
	})
}

func open(t testing.TB, server *hub.Server) *Repository {
	t.Helper()
	r, err := Open(perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL}, Credentials{Token: hub.Token})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// always answers every request with handler.
func always(handler http.Handler) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler { return handler }
}

// on answers the requests for one page of the branches with handler.
func on(page string, handler func(next http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		instead := handler(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/branches") && r.URL.Query().Get("page") == page {
				instead.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// body answers with this content.
func body(content string) func(http.Handler) http.Handler {
	return always(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(content)) }))
}

// brokenOff ends the connection after half of the content.
func brokenOff(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buffer := &recorder{ResponseWriter: w}
		next.ServeHTTP(buffer, r)
		w.Header().Set("Content-Length", fmt.Sprint(len(buffer.content)))
		_, _ = w.Write(buffer.content[:len(buffer.content)/2])
	})
}

// rewritten changes headers and content of an answer.
func rewritten(change func(header http.Header, content string) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			buffer := &recorder{ResponseWriter: w}
			next.ServeHTTP(buffer, r)
			content := change(w.Header(), string(buffer.content))
			if buffer.status != 0 {
				w.WriteHeader(buffer.status)
			}
			_, _ = w.Write([]byte(content))
		})
	}
}

// recorder holds an answer's content back. Its headers pass through.
type recorder struct {
	http.ResponseWriter
	status  int
	content []byte
}

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(content []byte) (int, error) {
	r.content = append(r.content, content...)
	return len(content), nil
}
