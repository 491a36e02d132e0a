package server

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/storage/memory"

	"perch"
	"perch/client"
	"perch/readapi"
	"perch/sandbox/github"
	"perch/sandbox/github/githubtest"
)

// worker imitates a worker's read API.
type worker struct {
	mu       sync.Mutex
	overview readapi.Overview
	history  readapi.History
	// roles are the roles of people; others have none.
	roles map[string]string
	// cached are older roles, which are returned unless a fresh one is requested.
	cached map[string]string
	// gitHubAway means that GitHub does not answer the worker, and away that the worker does not
	// answer.
	gitHubAway, away bool
	// tooOften means that fresh permissions are requested too often.
	tooOften bool
	// old explains why pages are not current; empty if they are.
	old string
	// asked has the questions so far. The next one closes next, if someone waits for it.
	asked []string
	next  chan struct{}
}

func (w *worker) change(do func(w *worker)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do(w)
}

// times returns how many questions begin with question.
func (w *worker) times(question string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, asked := range w.asked {
		if strings.HasPrefix(asked, question) {
			n++
		}
	}
	return n
}

// nextQuestion returns a channel that is closed when the worker is asked again.
func (w *worker) nextQuestion() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == nil {
		w.next = make(chan struct{})
	}
	return w.next
}

func (w *worker) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r.URL.RequestURI())
	if w.next != nil {
		close(w.next)
		w.next = nil
	}
	if w.away {
		panic(http.ErrAbortHandler)
	}
	answer, err := w.answer(r)
	if r.Header.Get("Authorization") != "Bearer the-token" {
		err = &readapi.Error{Status: http.StatusUnauthorized, Sentence: "the token is wrong"}
	}
	if err != nil {
		out.WriteHeader(err.Status)
		answer = err
	}
	_ = json.NewEncoder(out).Encode(answer)
}

func (w *worker) answer(r *http.Request) (any, *readapi.Error) {
	query := r.URL.Query()
	switch r.URL.Path {
	case readapi.PathOverview:
		return w.overview, nil
	case readapi.PathHistory:
		return w.history, nil
	case readapi.PathLogs:
		return readapi.Logs{Branch: query.Get("branch")}, nil
	case readapi.PathPermission:
		if w.gitHubAway {
			return nil, &readapi.Error{Status: http.StatusBadGateway, Sentence: "GitHub does not answer"}
		}
		if w.tooOften && query.Get("fresh") == "true" {
			return nil, &readapi.Error{Status: http.StatusTooManyRequests, Sentence: "try again in a minute"}
		}
		role, known := w.roles[query.Get("login")]
		if !known {
			role = "none"
		}
		if before, asked := w.cached[query.Get("login")]; asked && query.Get("fresh") != "true" {
			role = before
		}
		return readapi.Permission{Login: query.Get("login"), Role: role}, nil
	}
	for _, environment := range w.overview.Environments {
		if environment.Branch == query.Get("branch") {
			return readapi.Page{
				Status: readapi.Status{Environment: environment, Phase: perch.PhaseReady}, Problem: w.old,
			}, nil
		}
	}
	return readapi.Page{Status: readapi.Status{Environment: readapi.Environment{Branch: query.Get("branch")}}}, nil
}

// taker accepts requests as Temporal does, or fails.
type taker struct {
	mu       sync.Mutex
	requests []perch.Request
	notes    []perch.Note
	cleanups []perch.CleanupInput
	cleaned  perch.CleanupResult
	err      error
	// entered is closed when a cleanup has begun. The cleanup then waits for goOn; it does not wait
	// if that is nil.
	entered, goOn chan struct{}
}

func (t *taker) Request(_ context.Context, request perch.Request, _ time.Duration) (client.Run, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.requests = append(t.requests, request)
	}
	return client.Run{}, t.err
}

func (t *taker) Keep(_ context.Context, in perch.KeepInput, _ client.View) (perch.KeepResult, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.notes = append(t.notes, in.Note)
	}
	return perch.KeepResult{At: in.Note.At, Expires: in.Note.At.Add(72 * time.Hour)}, t.err
}

func (t *taker) Cleanup(
	ctx context.Context, in perch.CleanupInput, _ time.Duration, _ client.View,
) (perch.CleanupResult, error) {
	if t.entered != nil {
		close(t.entered)
		select {
		case <-ctx.Done():
			return perch.CleanupResult{}, ctx.Err()
		case <-t.goOn:
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.cleanups = append(t.cleanups, in)
	}
	return t.cleaned, t.err
}

// taken returns the number of requests.
func (t *taker) taken() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.requests) + len(t.notes) + len(t.cleanups)
}

// audit collects the log.
type audit struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (a *audit) Write(line []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.Write(line)
}

func (a *audit) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.String()
}

// site is a dashboard that is served over HTTP.
type site struct {
	*Dashboard
	worker *worker
	taker  *taker
	log    *audit
	github *github.Server
	url    string
	// drawn counts the pages that browsers have drawn, because each page loads the styles.
	drawn atomic.Int64
}

const (
	planOfTest = "0123456789abcdef"
	commitOne  = "1111111111111111111111111111111111111111"
)

// newSite serves a dashboard with two environments on a loopback address. People sign in with
// GitHub unless change configures something else.
func newSite(t testing.TB, change func(s *Settings)) *site {
	t.Helper()
	s := &site{taker: &taker{}, log: &audit{}, worker: &worker{
		roles: map[string]string{"rita": "read", "tom": "triage", "ana": "write", "max": "maintain", "ada": "admin"},
		overview: readapi.Overview{
			Project: "shop", Domain: "preview.example.net",
			Held: &readapi.HeldCleanup{Hash: planOfTest, Reason: "too many removals"},
			List: readapi.List{At: "2026-11-28T12:00:00Z", Environments: []readapi.Environment{
				{
					Branch: "feature/login", Kind: perch.KindBranch, Status: "UPDATE_COMPLETE", Commit: commitOne,
					Expires: "2026-12-01T12:00:00Z", URL: "https://feature-login.preview.example.net",
					Pin: &perch.Pin{By: "web:ana", Reason: "demo", Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)},
				},
				{Branch: "main", Kind: perch.KindStaging, Status: "UPDATE_COMPLETE", Commit: commitOne},
			}},
		},
	}}
	answering := httptest.NewServer(s.worker)
	t.Cleanup(answering.Close)
	repository, err := git.Init(memory.NewStorage(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.github = githubtest.Start(t, github.Config{Repository: repository, DefaultBranch: "main"})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".css") {
			s.drawn.Add(1)
		}
		s.Dashboard.ServeHTTP(w, r)
	}))
	public := &url.URL{Scheme: "http", Host: server.Listener.Addr().String()}
	settings := Settings{
		Project: "shop", PublicURL: public, Temporal: s.taker, Logger: slog.New(slog.NewTextHandler(s.log, nil)),
		Worker: &readapi.Client{Address: answering.URL, Token: "the-token", HTTP: answering.Client()},
		GitHub: &GitHubSignIn{
			ClientID: "Ov23li", ClientSecret: "very-secret", Pages: s.github.URL, API: s.github.URL + "/api/v3",
		},
	}
	if change != nil {
		change(&settings)
	}
	s.github.RegisterOAuthApp(github.OAuthApp{
		ClientID: "Ov23li", ClientSecret: "very-secret", Callback: public.JoinPath("signin", "callback").String(),
	})
	s.Dashboard, s.url = NewDashboard(settings), public.String()
	server.Config.WriteTimeout, server.Config.ReadTimeout = 2*deliveryTimeout, deliveryTimeout
	server.Start()
	t.Cleanup(func() {
		s.Dashboard.Close()
		server.Close()
	})
	return s
}

// signedInLocally signs everyone in as the local user.
func signedInLocally(s *Settings) { s.GitHub, s.LocalUser = nil, "you" }

// behindProxy makes a proxy on this machine sign people in.
func behindProxy(s *Settings) {
	s.GitHub = nil
	s.Proxy = &TrustedProxy{Header: "X-Forwarded-User", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// person is a user with a browser.
type person struct {
	t *testing.T
	*http.Client
	site *site
	// header has the headers that the browser or a proxy sends with every request.
	header http.Header
}

// visitor returns a person who has not signed in.
func (s *site) visitor(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, site: s, Client: &http.Client{Jar: jar}, header: http.Header{}}
}

// person returns a person who has signed in with GitHub.
func (s *site) person(t *testing.T, login string) *person {
	t.Helper()
	p := s.visitor(t)
	if status, body := p.signIn(login, "/"); status != http.StatusOK {
		t.Fatalf("%s signs in: %d: %s", login, status, body)
	}
	return p
}

// signIn signs in with GitHub, starting at the page to, and returns the page at the end.
func (p *person) signIn(login, to string) (int, string) {
	p.t.Helper()
	response, err := p.Get(p.site.url + "/signin?" + url.Values{"to": {to}}.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	asked := response.Request.URL.Query() // This is GitHub's page.
	answer, err := p.PostForm(p.site.github.URL+"/login/oauth/authorize", url.Values{
		"client_id": asked["client_id"], "redirect_uri": asked["redirect_uri"], "state": asked["state"],
		"code_challenge": asked["code_challenge"], "login": {login}, "authorize": {"yes"},
	})
	return p.read(answer, err)
}

func (p *person) read(response *http.Response, err error) (int, string) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// send sends a request as the browser would, and follows redirects.
func (p *person) send(method, path string, form url.Values) (int, string) {
	p.t.Helper()
	return p.read(p.raw(method, path, form))
}

func (p *person) raw(method, path string, form url.Values) (*http.Response, error) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.site.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, values := range p.header {
		request.Header[name] = values
	}
	if host := p.header.Get("Host"); host != "" {
		request.Host = host
	}
	return p.Do(request)
}

func wantAnswer(t *testing.T, status int, body string, want int, says ...string) {
	t.Helper()
	_, main, found := strings.Cut(body, "<main")
	if !found {
		main = body
	}
	if status != want {
		t.Errorf("the answer is %d, want %d: %.600s", status, want, main)
	}
	for _, text := range says {
		if !strings.Contains(html.UnescapeString(body), text) {
			t.Errorf("the page does not say %q: %.600s", text, main)
		}
	}
}
