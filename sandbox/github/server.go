// Package github imitates GitHub's REST and GraphQL APIs for one real Git repository. It imitates
// pagination by Link header, ETags, permissions, rate limits and error messages. It implements only
// the calls that Perch makes, and responds to all other calls with 404.
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
	// User is the login of the user to whom Token belongs.
	User = "perch-bot"
	// Limit is how many REST requests, and how many GraphQL queries, the server accepts in an hour.
	Limit = 5000

	prefix = "/api/v3"
)

// Config configures a server.
type Config struct {
	// Repository is the repository to serve.
	Repository *git.Repository
	// Directory is the folder of the repository. Set it instead of Repository if other programs
	// write to the repository: the server then opens the folder for each request, because an open
	// repository does not see new packs.
	Directory string
	// Name is the repository's full name, owner/name. The default is the constant Name.
	Name string
	// DefaultBranch is the default branch. If it is empty, HEAD names the default branch.
	DefaultBranch string
	// File stores the pull requests, comments, deployments and statuses. If it is empty, the server
	// keeps them in memory only.
	File string
	// Now returns the current time. The default is time.Now.
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
	// refs maps each branch to the commit of its last event. It is nil until Subscribe is called.
	refs map[string]string

	mu       sync.Mutex
	name     string
	former   string
	id       int
	archived bool
	tokens   map[string]Access
	app      *App
	// oauthApp is the app through which people sign in. codes has the authorization codes that the
	// app has not exchanged yet.
	oauthApp *OAuthApp
	codes    map[string]oauthCode
	// people maps logins to their roles in the repository.
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
	// branch is the default branch. sender is the login that every event names as its sender,
	// because Git does not record who pushed.
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
// repository that reuses a former name has a different id.
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

// Intercept wraps the API's handler with the middleware make. If make is nil, Intercept removes the
// middleware.
func (s *Server) Intercept(make func(next http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = make
}

// Calls returns the API requests that the server has received, each such as "GET
// /repos/acme/shop/branches?page=1".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// Writes returns the successful requests that changed something, in the form of Calls. It includes
// requests whose response a fault dropped.
func (s *Server) Writes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.writes...)
}

// Answer returns a handler that sends an error in GitHub's format. headers alternates names and
// values.
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

// ServeHTTP serves the API, the pages and the sign-in of OAuth apps.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, oauthPrefix) {
		s.withFault(r, http.HandlerFunc(s.serveOAuth)).ServeHTTP(w, r)
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
	handler := s.withFault(r, http.HandlerFunc(s.serveAPI))
	if intercept != nil {
		handler = intercept(handler)
	}
	handler.ServeHTTP(w, r)
}

// callOf returns the method and the URL of a request, without the API's prefix.
func callOf(r *http.Request) string {
	address := *r.URL
	address.Path, address.RawPath = strings.TrimPrefix(address.Path, prefix), ""
	return r.Method + " " + address.RequestURI()
}

// serveAPI authenticates one request to the API, counts it against the rate limits and carries it
// out.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	who, known := s.authenticate(r)
	if !known {
		Answer(http.StatusUnauthorized, "Bad credentials").ServeHTTP(w, r)
		return
	}
	writing := writes(r)
	if writing && !who.JWT && !(s.spendQuota(w, r, false) && s.spendContent(w, r)) {
		return
	}
	recorder := &recorder{header: http.Header{}, status: http.StatusOK}
	s.carryOut(recorder, r.WithContext(withAccess(r.Context(), who)))
	etag := etagOf(recorder.body.Bytes())
	unchanged := recorder.status == http.StatusOK && r.Header.Get("If-None-Match") == etag
	if !writing && !s.spendQuota(w, r, unchanged) {
		return
	}
	if writing && recorder.status < 300 && !who.JWT {
		s.recordWrite(r)
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

// carryOut carries out one request to the API, and saves the state after a write.
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

// recorder buffers a response until the server decides whether to send it.
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
	_ = json.NewEncoder(w).Encode(body) // An error means that the client has disconnected.
}
