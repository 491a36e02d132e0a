package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"perch"
	"perch/client"
	"perch/readapi"
	"perch/web/pages"
)

// operator lists the methods of a client that a Dashboard uses to carry out actions.
type operator interface {
	Request(ctx context.Context, request perch.Request, patience time.Duration) (client.Run, error)
	Keep(ctx context.Context, in perch.KeepInput, view client.View) (perch.KeepResult, error)
	Cleanup(
		ctx context.Context, in perch.CleanupInput, timeout time.Duration, view client.View,
	) (perch.CleanupResult, error)
}

// Settings configure a Dashboard.
type Settings struct {
	// Project is the project whose environments the dashboard shows.
	Project string
	// PublicURL is the address that people open, with a scheme and a host and without a path.
	PublicURL *url.URL
	// Worker is the client of the read API, from which the pages are read.
	Worker *readapi.Client
	// Temporal receives the requests that people make.
	Temporal operator
	// GitHub, Proxy and LocalUser are the ways to sign in, exactly one of which is set. LocalUser
	// is the name of a person who is always signed in and may do everything. It is therefore only
	// allowed with a loopback address.
	GitHub    *GitHubSignIn
	Proxy     *TrustedProxy
	LocalUser string
	Logger    *slog.Logger
}

// GitHubSignIn configures sign-in through an OAuth app of GitHub.
type GitHubSignIn struct {
	ClientID, ClientSecret string
	// Pages and API are GitHub's base URLs: https://github.com and https://api.github.com.
	Pages, API string
}

// TrustedProxy configures a proxy that signs people in and passes on their logins.
type TrustedProxy struct {
	// Header is the name of the header with the person's GitHub login.
	Header string
	// From has the proxy's addresses. The header is ignored in requests from other addresses.
	From []netip.Prefix
}

// Dashboard shows the environments of one project to people who may read its repository, and
// carries out their actions. Call Close when done.
type Dashboard struct {
	Settings
	sessions *scs.SessionManager
	people   *people
	answers  *sharedAnswers
	live     *live
	handler  http.Handler

	mu sync.Mutex
	// overview is the last overview from the worker; nil before the first one.
	overview *readapi.Overview
}

// NewDashboard returns a Dashboard, which the caller serves as an http.Handler.
func NewDashboard(settings Settings) *Dashboard {
	d := &Dashboard{
		Settings: settings, sessions: newSessions(settings.PublicURL), people: newPeople(), answers: newSharedAnswers(),
	}
	d.live = newLive(d.fingerprint)
	d.handler = d.routes()
	return d
}

// ServeHTTP answers:
//
//	GET  /                   all environments, or the removed ones
//	GET  /environment        the environment of the query's branch
//	GET  /life               the removed environment that had the query's stack
//	GET  /confirm            the form that removes an environment
//	POST /actions/{action}   what people request
//	GET  /events             server-sent events: `changed` when there is something new to see
//	GET  /signin, /signin/callback, POST /signout
//	GET  /static/            styles and scripts
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// Close closes the connections of watching browsers.
func (d *Dashboard) Close() { d.live.close() }

// pageTimeout is how long a page waits for the worker. logsTimeout is how long it waits for log
// lines; after that it is shown without them.
const (
	pageTimeout = 12 * time.Second
	logsTimeout = 3 * time.Second
)

// logsSince and logsLines limit the part of a log that a page shows.
const (
	logsSince = time.Hour
	logsLines = 100
)

func (d *Dashboard) routes() http.Handler {
	mux := http.NewServeMux()
	static := http.StripPrefix("/static/", http.FileServerFS(pages.Static))
	mux.Handle("GET /static/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		static.ServeHTTP(w, r)
	}))
	for pattern, answer := range map[string]func(http.ResponseWriter, *http.Request) *trouble{
		"GET /{$}":               d.showOverview,
		"GET /environment":       d.showEnvironment,
		"GET /life":              d.showLife,
		"GET /confirm":           d.showConfirmation,
		"GET /events":            d.serveEvents,
		"GET /signin":            d.signIn,
		"GET /signin/callback":   d.finishSignIn,
		"POST /signout":          d.signOut,
		"POST /actions/{action}": d.act,
		"/":                      func(http.ResponseWriter, *http.Request) *trouble { return noSuchPage() },
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet { // There is nothing to read, and the deadline would end the context.
				// A connection that has no deadlines needs no change.
				_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
			}
			if failed := answer(w, r); failed != nil {
				d.tell(w, r, failed)
			}
		})
	}
	return d.guard(d.sessions.LoadAndSave(d.place(mux)))
}

func (d *Dashboard) showOverview(w http.ResponseWriter, r *http.Request) *trouble {
	frame, failed := d.reader(r)
	if failed != nil {
		return failed
	}
	query := pages.ParseQuery(r.URL.Query())
	if query.Tab == pages.TabRemoved {
		history, err := d.askHistory(r.Context())
		if err != nil {
			return d.readTrouble(err, "")
		}
		return d.write(w, func(out *page) error { return pages.Removed(out, d.complete(frame, r), query, history) })
	}
	overview, err := d.askOverview(r.Context())
	if err != nil {
		return d.readTrouble(err, "")
	}
	return d.write(w, func(out *page) error { return pages.Overview(out, d.complete(frame, r), query, overview) })
}

func (d *Dashboard) showEnvironment(w http.ResponseWriter, r *http.Request) *trouble {
	frame, failed := d.reader(r)
	if failed != nil {
		return failed
	}
	branch, failed := branchOf(r)
	if failed != nil {
		return failed
	}
	logs := make(chan *readapi.Logs, 1)
	go func() { logs <- d.askLogs(r.Context(), branch) }()
	found, err := d.askPage(r.Context(), branch)
	if err != nil {
		return d.readTrouble(err, branch)
	}
	lines := <-logs
	return d.write(w, func(out *page) error { return pages.Environment(out, d.complete(frame, r), found, lines) })
}

// branchOf returns the branch that the page is about.
func branchOf(r *http.Request) (string, *trouble) {
	branch := r.URL.Query().Get("branch")
	if err := perch.ValidateBranch(branch); err != nil {
		return "", &trouble{
			status: http.StatusBadRequest, title: "This was not understood",
			sentence: fmt.Sprintf("The address names no branch: %v.", err),
			back:     "/", backText: "All environments",
		}
	}
	return branch, nil
}

func (d *Dashboard) showConfirmation(w http.ResponseWriter, r *http.Request) *trouble {
	frame, failed := d.reader(r)
	if failed != nil {
		return failed
	}
	branch, failed := branchOf(r)
	if failed != nil {
		return failed
	}
	found, err := d.askPage(r.Context(), branch)
	if err != nil {
		return d.readTrouble(err, branch)
	}
	return d.write(w, func(out *page) error { return pages.Confirm(out, d.complete(frame, r), found) })
}

func (d *Dashboard) showLife(w http.ResponseWriter, r *http.Request) *trouble {
	frame, failed := d.reader(r)
	if failed != nil {
		return failed
	}
	history, err := d.askHistory(r.Context())
	if err != nil {
		return d.readTrouble(err, "")
	}
	id := r.URL.Query().Get("id")
	i := slices.IndexFunc(
		history.Lives, func(life perch.Life) bool { return id != "" && pages.LifeID(life.StackID) == id },
	)
	if i < 0 {
		return &trouble{
			status: http.StatusNotFound, title: "No such record",
			sentence: "No environment that was removed has this record; records expire after 400 days.",
			back:     "/?tab=removed", backText: "All removed environments",
		}
	}
	return d.write(w, func(out *page) error { return pages.Life(out, d.complete(frame, r), history.Lives[i]) })
}
