// Package github imitates GitHub's REST and GraphQL APIs. It serves one real Git repository, with
// pages by Link header, ETags, permissions, rate limits and GitHub's errors. It has only the calls
// that Perch makes, and answers others with 404, as GitHub does.
package github

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5"
)

const (
	// Name is the initial name of the repository, owner/name.
	Name = "acme/shop"
	// ID is the initial id of the repository.
	ID = 1296269
	// Token is the token that the server accepts initially, with every permission.
	Token = "token-of-the-test"
	// User is the author of what is written with Token.
	User = "perch-bot"
	// Limit is the initial number of requests that the server answers until Reset.
	Limit = 5000

	prefix = "/api/v3"
)

// Config configures a server.
type Config struct {
	// Repository is the repository to serve.
	Repository *git.Repository
	// Directory is the folder of a repository that other programs write to, in place of Repository.
	// The server opens it for each request, because an open repository does not see new packs.
	Directory string
	// Name is the repository's name, owner/name; empty for the constant Name.
	Name string
	// DefaultBranch is the default branch; empty for the branch of HEAD.
	DefaultBranch string
	// File is the file that stores pull requests and what was written to them; empty for none.
	File string
	// Now is the clock; nil for the machine's.
	Now func() time.Time
}

// Server is one repository on a GitHub Enterprise server. It is safe for concurrent use.
type Server struct {
	// URL is the address of the server, in the form of base_url in the policy.
	URL string

	config Config
	routes http.Handler

	// serving guards repository and state.
	serving    sync.Mutex
	repository *git.Repository
	state      state
	// refs has the branches for which events were sent; nil before there is a webhook.
	refs map[string]string

	mu       sync.Mutex
	name     string
	former   string
	id       int
	archived bool
	tokens   map[string]Access
	app      *App
	// oauthApp is the app through which people sign in. codes has the codes that were not exchanged
	// yet.
	oauthApp *OAuthApp
	codes    map[string]oauthCode
	// people has the permissions of people in the repository.
	people    map[string]userRole
	intercept func(next http.Handler) http.Handler
	faults    []*Fault
	remaining quota
	reset     time.Time
	content   []time.Time
	perMinute int
	perHour   int
	calls     []string
	writes    []string
	// branch is the default branch. sender is the user in events, because Git does not say who
	// pushed.
	branch     string
	sender     string
	webhook    *Webhook
	deliveries []*Delivery

	sending sync.WaitGroup
}

// New returns a server for a repository. The caller serves it over HTTP, and sets URL.
func New(config Config) (*Server, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Name == "" {
		config.Name = Name
	}
	s := &Server{
		config: config, repository: config.Repository, name: config.Name, former: config.Name, id: ID, sender: "ana",
		tokens: map[string]Access{Token: {Login: User, Permissions: Everything()}}, remaining: quota{Limit, Limit},
		codes: map[string]oauthCode{}, perMinute: contentPerMinute, perHour: contentPerHour,
		reset: config.Now().Add(time.Hour).Truncate(time.Second),
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if err := s.reopen(); err != nil {
		return nil, err
	}
	s.branch = s.defaultBranch()
	s.routes = s.mux()
	return s, nil
}

// Change calls do to change the repository while no request reads it.
func (s *Server) Change(do func(repository *git.Repository)) {
	s.serving.Lock()
	defer s.serving.Unlock()
	do(s.repository)
	s.observe()
}

// Identify changes the repository's name, its id, or both. A renamed repository keeps its id. A new
// repository with a former name has a different id.
func (s *Server) Identify(name string, id int) {
	s.mu.Lock()
	renamed := s.name != name && s.id == id
	s.name, s.id = name, id
	s.mu.Unlock()
	if renamed {
		s.emit("repository", map[string]any{"action": "renamed"})
	}
}

func (s *Server) identity() (name string, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name, s.id
}

// Archive makes the repository read-only, or writable again.
func (s *Server) Archive(archived bool) {
	s.mu.Lock()
	s.archived = archived
	s.mu.Unlock()
	action := "unarchived"
	if archived {
		action = "archived"
	}
	s.emit("repository", map[string]any{"action": action})
}

func (s *Server) isArchived() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.archived
}

// Intercept puts the handler that make returns before the server; nil removes it.
func (s *Server) Intercept(make func(next http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = make
}

// Calls returns the requests so far, such as "GET /repos/acme/shop/branches?page=1".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// Writes returns the requests so far that wrote something, in the form of Calls. It includes
// requests whose answer was lost.
func (s *Server) Writes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.writes...)
}

// Answer returns a handler that answers with one of GitHub's errors. headers are pairs of name and
// value.
func Answer(status int, message string, headers ...string) http.Handler {
	return failure(status, headers, map[string]any{
		"message": message, "documentation_url": "https://docs.github.com/rest",
	})
}

func failure(status int, headers []string, body map[string]any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		reply(w, status, body)
	})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, oauthPrefix) {
		s.faulty(r, http.HandlerFunc(s.serveOAuth)).ServeHTTP(w, r)
		return
	}
	if isPage(r) {
		s.servePage(w, r)
		return
	}
	s.mu.Lock()
	intercept := s.intercept
	s.calls = append(s.calls, callOf(r))
	s.mu.Unlock()
	handler := s.faulty(r, http.HandlerFunc(s.answer))
	if intercept != nil {
		handler = intercept(handler)
	}
	handler.ServeHTTP(w, r)
}

// callOf returns a request without the API's path.
func callOf(r *http.Request) string {
	address := *r.URL
	address.Path, address.RawPath = strings.TrimPrefix(address.Path, prefix), ""
	return r.Method + " " + address.RequestURI()
}

// answer authenticates one request, and carries it out if it is allowed.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	who, known := s.authenticate(r)
	if !known {
		Answer(http.StatusUnauthorized, "Bad credentials").ServeHTTP(w, r)
		return
	}
	writing := writes(r)
	if writing && !who.JWT && !(s.spend(w, r, false) && s.create(w, r)) {
		return
	}
	recorder := &recorder{header: http.Header{}, status: http.StatusOK}
	s.carryOut(recorder, r.WithContext(withAccess(r.Context(), who)))
	etag := etagOf(recorder.body.Bytes())
	unchanged := recorder.status == http.StatusOK && r.Header.Get("If-None-Match") == etag
	if !writing && !s.spend(w, r, unchanged) {
		return
	}
	if writing && recorder.status < 300 && !who.JWT {
		s.count(r)
	}
	for name, values := range recorder.header {
		w.Header()[name] = values
	}
	if recorder.status == http.StatusOK {
		w.Header().Set("ETag", etag)
	}
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(recorder.status)
	_, _ = w.Write(recorder.body.Bytes())
}

// carryOut carries out one request on the current repository, and saves what it wrote.
func (s *Server) carryOut(w http.ResponseWriter, r *http.Request) {
	s.serving.Lock()
	defer s.serving.Unlock()
	if err := s.reopen(); err != nil {
		Answer(http.StatusInternalServerError, err.Error()).ServeHTTP(w, r)
		return
	}
	s.routes.ServeHTTP(w, r)
	if !writes(r) {
		return
	}
	if err := s.save(); err != nil {
		panic(err)
	}
}

func (s *Server) reopen() error {
	if s.config.Directory == "" {
		return nil
	}
	opened, err := git.PlainOpenWithOptions(s.config.Directory, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return fmt.Errorf("open repository %s: %w", s.config.Directory, err)
	}
	s.repository = opened
	return nil
}

// writes reports whether a request changes something. A GraphQL query is also a POST, but changes
// nothing.
func writes(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.URL.Path != graphql
}

func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + hex.EncodeToString(sum[:]) + `"`
}

// recorder buffers an answer until it is decided whether it is sent.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header               { return r.header }
func (r *recorder) WriteHeader(status int)            { r.status = status }
func (r *recorder) Write(content []byte) (int, error) { return r.body.Write(content) }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // If the client has disconnected, there is nothing to do.
}
