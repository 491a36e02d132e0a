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

// operator is what a Dashboard needs of a client, to request what people want.
type operator interface {
	Request(ctx context.Context, request perch.Request, patience time.Duration) (client.Run, error)
	Keep(ctx context.Context, in perch.KeepInput, view client.View) (perch.KeepResult, error)
	Cleanup(
		ctx context.Context, in perch.CleanupInput, timeout time.Duration, view client.View,
	) (perch.CleanupResult, error)
}

// Settings are what a Dashboard needs.
type Settings struct {
	// Project is the project whose environments are shown.
	Project string
	// PublicURL is the address that people open: a scheme and a host, without a path.
	PublicURL *url.URL
	// Worker answers what the pages show.
	Worker *readapi.Client
	// Temporal takes what people request.
	Temporal operator
	// GitHub, Proxy and LocalUser are the ways to sign in. Exactly one of them is set. LocalUser is
	// the name of a person who is always signed in and may do everything, so it is only allowed
	// with a loopback address.
	GitHub    *GitHubSignIn
	Proxy     *TrustedProxy
	LocalUser string
	Logger    *slog.Logger
}

// GitHubSignIn is the OAuth app by which people sign in.
type GitHubSignIn struct {
	ClientID, ClientSecret string
	// Pages and API are GitHub's addresses: https://github.com and https://api.github.com.
	Pages, API string
}

// TrustedProxy is a proxy that signs people in and names them.
type TrustedProxy struct {
	// Header has the person's GitHub login.
	Header string
	// From are the addresses from which the header is trusted.
	From []netip.Prefix
}

// Dashboard shows the environments of one project to the people who may read its repository, and
// carries out their actions. Close ends it.
type Dashboard struct {
	Settings
	sessions *scs.SessionManager
	people   *people
	answers  *sharedAnswers
	live     *live
	handler  http.Handler

	mu sync.Mutex
	// overview is the last one that the worker answered; nil before.
	overview *readapi.Overview
}

// NewDashboard returns a Dashboard; the caller serves it.
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
//	GET  /                   all environments, or the lives that have ended
//	GET  /environment        the environment of the query's branch
//	GET  /life               the life of the query's stack
//	GET  /confirm            the form that removes an environment
//	POST /actions/{action}   what people request
//	GET  /events             server-sent events: `changed` when there is something new to see
//	GET  /signin, /signin/callback, POST /signout
//	GET  /static/            styles and scripts
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// Close ends the connections of people who watch.
func (d *Dashboard) Close() { d.live.close() }

// pageTimeout bounds how long a page waits for the worker, and logsTimeout how long it waits for
// lines of a log; without them it is shown, too.
const (
	pageTimeout = 12 * time.Second
	logsTimeout = 3 * time.Second
)

// logsSince and logsLines are how much of a log a page shows.
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

// branchOf is the branch that the page is about.
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
			back:     "/?tab=removed", backText: "All that were removed",
		}
	}
	return d.write(w, func(out *page) error { return pages.Life(out, d.complete(frame, r), history.Lives[i]) })
}
