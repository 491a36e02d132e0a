// Package github answers as GitHub's REST and GraphQL APIs do. It serves one real Git repository, with pages by Link
// header, ETags, rate limits and GitHub's errors. It has only the calls that Perch makes; others are 404, as GitHub
// answers them.
package github

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5"
)

const (
	// Name is the repository's at the start, owner/name.
	Name = "acme/shop"
	// ID is the repository's id at the start.
	ID = 1296269
	// Token is the one that the server takes.
	Token = "token-of-the-test"
	// Limit is how many requests the server answers until Reset, at the start.
	Limit = 5000

	prefix = "/api/v3"
)

// quota is how much is left of each; the two are counted apart.
type quota struct{ rest, graph int }

// Server is one repository on a GitHub Enterprise server. It is safe for concurrent use.
type Server struct {
	// URL is the address of the server, as the policy's base_url has it.
	URL string

	// reading guards repository.
	reading    sync.Mutex
	repository *git.Repository
	routes     http.Handler

	mu        sync.Mutex
	name      string
	id        int
	tokens    map[string]bool
	intercept func(next http.Handler) http.Handler
	remaining quota
	reset     time.Time
	calls     []string
}

// New serves a repository. The caller serves HTTP with it, and sets URL.
func New(repository *git.Repository) *Server {
	s := &Server{
		repository: repository, name: Name, id: ID, tokens: map[string]bool{Token: true},
		remaining: quota{Limit, Limit}, reset: time.Now().Add(time.Hour).Truncate(time.Second),
	}
	s.routes = s.mux()
	return s
}

// Change lets do change the repository while no request reads it.
func (s *Server) Change(do func(repository *git.Repository)) {
	s.reading.Lock()
	defer s.reading.Unlock()
	do(s.repository)
}

// Identify gives the repository another name, another id, or both: a renamed repository keeps its id,
// and one that takes a former name has another id.
func (s *Server) Identify(name string, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name, s.id = name, id
}

func (s *Server) identity() (name string, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name, s.id
}

// Intercept puts what make returns before the server from now on; nil takes it away.
func (s *Server) Intercept(make func(next http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = make
}

// Accept takes another token from now on, or no longer.
func (s *Server) Accept(token string, accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = accepted
}

// SetRemaining sets how many requests of the REST API are left until Reset.
func (s *Server) SetRemaining(requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remaining.rest = requests
}

// Remaining is how many requests of the REST API are left until Reset.
func (s *Server) Remaining() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remaining.rest
}

// SetPoints sets how many questions to the GraphQL API are left until Reset; each costs one point.
func (s *Server) SetPoints(points int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remaining.graph = points
}

// Reset is when the server forgets how many requests there were, in its own words.
func (s *Server) Reset() time.Time { return s.reset }

// Calls are the requests so far, as "GET /repos/acme/shop/branches?page=1".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// Answer is one of GitHub's errors, with headers in pairs.
func Answer(status int, message string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		reply(w, status, map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest"})
	})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	intercept := s.intercept
	address := *r.URL
	address.Path = strings.TrimPrefix(address.Path, prefix)
	s.calls = append(s.calls, r.Method+" "+address.RequestURI())
	s.mu.Unlock()
	handler := http.Handler(http.HandlerFunc(s.answer))
	if intercept != nil {
		handler = intercept(handler)
	}
	handler.ServeHTTP(w, r)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	recorder := httptest.NewRecorder()
	s.reading.Lock()
	s.routes.ServeHTTP(recorder, r)
	s.reading.Unlock()
	sum := sha256.Sum256(recorder.Body.Bytes())
	etag := `W/"` + hex.EncodeToString(sum[:]) + `"`
	unchanged := recorder.Code == http.StatusOK && r.Header.Get("If-None-Match") == etag
	if !s.spend(w, r, unchanged) {
		return
	}
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	if recorder.Code == http.StatusOK {
		w.Header().Set("ETag", etag)
	}
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

// spend checks the token and takes one request from the quota, unless nothing has changed. Where it returns false, it has answered.
func (s *Server) spend(w http.ResponseWriter, r *http.Request, unchanged bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	asks := r.URL.Path == graphql
	if r.Method == http.MethodPost && !asks {
		return true // An App's request for a token, which its route checks.
	}
	if token := bearer(r); !s.tokens[token] {
		Answer(http.StatusUnauthorized, "Bad credentials").ServeHTTP(w, r)
		return false
	}
	left := &s.remaining.rest
	if asks {
		left = &s.remaining.graph
	}
	exceeded := *left == 0
	if !unchanged && !exceeded {
		*left--
	}
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(Limit))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(*left))
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(s.reset.Unix(), 10))
	switch {
	case exceeded && asks:
		QueryError("RATE_LIMITED", "API rate limit exceeded for user ID 1.").ServeHTTP(w, r)
	case exceeded:
		Answer(http.StatusForbidden, "API rate limit exceeded for user ID 1.").ServeHTTP(w, r)
	}
	return !exceeded
}

func bearer(r *http.Request) string {
	var kind, token string
	_, _ = fmt.Sscan(r.Header.Get("Authorization"), &kind, &token)
	return token
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // Whoever asked has gone.
}
