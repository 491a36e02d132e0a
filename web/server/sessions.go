package server

import (
	"encoding/base64"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"perch/web/pages"
)

const (
	// sessionLife is how long a person stays signed in, and signInLife how long signing in may
	// take: GitHub's codes are valid as long (GitHub docs: Authorizing OAuth apps).
	sessionLife = 12 * time.Hour
	signInLife  = 10 * time.Minute
)

// What a session has. There is one only for people who have signed in, and for those who are told
// the result of an action.
const (
	// keyLogin is who is signed in.
	keyLogin = "login"
	// keyNotice, with the person's login, is the message on that person's next page.
	keyNotice = "notice "
)

// newSessions keeps sessions in memory: after a restart people sign in again. A cookie whose name
// begins with __Host- is only taken from the dashboard's own host by HTTPS, so that no other
// application below the same domain can set it. Without HTTPS, on a loopback address, browsers do
// not take such a name.
func newSessions(public *url.URL) *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = &sessionStore{MemStore: memstore.New(), ended: map[string]time.Time{}}
	sessions.Lifetime, sessions.HashTokenInStore = sessionLife, true
	sessions.Cookie.Name, sessions.Cookie.Secure = "perch", false
	if public.Scheme == "https" {
		sessions.Cookie.Name, sessions.Cookie.Secure = "__Host-perch", true
	}
	sessions.Cookie.SameSite = http.SameSiteLaxMode
	return sessions
}

// endedFor is how long a sessionStore remembers that a session has ended: longer than any request
// that may commit it takes.
const endedFor = 15 * time.Minute

// sessionStore keeps sessions in memory. A session that has ended cannot come back: a request that
// was in flight at the sign-out commits its copy afterwards, which would undo the sign-out.
type sessionStore struct {
	*memstore.MemStore

	mu    sync.Mutex
	ended map[string]time.Time
}

// Delete is scs.Store's.
func (s *sessionStore) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.ended, func(_ string, at time.Time) bool { return now.Sub(at) > endedFor })
	s.ended[token] = now
	return s.MemStore.Delete(token)
}

// Commit is scs.Store's.
func (s *sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ended := s.ended[token]; ended {
		return nil
	}
	return s.MemStore.Commit(token, data, expiry)
}

// enter begins a session of a person, under a new token.
func (d *Dashboard) enter(r *http.Request, login string) error {
	ctx := r.Context()
	if err := d.sessions.RenewToken(ctx); err != nil {
		return err
	}
	d.sessions.SetDeadline(ctx, time.Now().Add(sessionLife).UTC())
	d.sessions.Put(ctx, keyLogin, login)
	return nil
}

// begunSignIn is what the browser of a person who is signing in keeps, so that the dashboard keeps
// nothing: the state and the verifier of the flow, and the page to return to.
type begunSignIn struct{ state, verifier, to string }

// signInCookie is a cookie of the dashboard's host, as that of a session is.
func (d *Dashboard) signInCookie(value string, life time.Duration) *http.Cookie {
	like := d.sessions.Cookie
	return &http.Cookie{
		Name: like.Name + "-sign-in", Value: value, Path: like.Path, MaxAge: int(life.Seconds()), HttpOnly: true,
		Secure: like.Secure, SameSite: like.SameSite,
	}
}

// keepSignIn has the browser keep a sign-in that begins.
func (d *Dashboard) keepSignIn(w http.ResponseWriter, begun begunSignIn) {
	to := base64.RawURLEncoding.EncodeToString([]byte(begun.to))
	http.SetCookie(w, d.signInCookie(begun.state+"."+begun.verifier+"."+to, signInLife))
}

// popSignIn is the sign-in that the browser has begun, which it forgets; empty if there is none.
func (d *Dashboard) popSignIn(w http.ResponseWriter, r *http.Request) (begun begunSignIn) {
	kept, err := r.Cookie(d.signInCookie("", 0).Name)
	if err != nil {
		return begun
	}
	http.SetCookie(w, d.signInCookie("", -time.Second))
	parts := strings.Split(kept.Value, ".")
	if len(parts) != 3 {
		return begun
	}
	to, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return begun
	}
	return begunSignIn{state: parts[0], verifier: parts[1], to: string(to)}
}

// complete is the frame of the page that is shown now, with the notice that waits for it.
func (d *Dashboard) complete(frame pages.Frame, r *http.Request) pages.Frame {
	frame.Notice = d.sessions.PopString(r.Context(), keyNotice+frame.Viewer.Login)
	return frame
}

// frame is what every page says around its content.
func (d *Dashboard) frame(viewer pages.Viewer) pages.Frame {
	frame := pages.Frame{Viewer: viewer, Project: d.Project, Now: time.Now().UTC(), CanSignIn: d.GitHub != nil}
	if overview := d.lastOverview(); overview != nil {
		frame.Repository, frame.RunsURL = overview.Repository, overview.RunsURL
	}
	return frame
}

// audit writes the line that says who did what.
func (d *Dashboard) audit(message string, viewer pages.Viewer, more ...any) {
	d.Logger.Info(
		message, append([]any{slog.String("who", viewer.Login), slog.String("role", viewer.Role)}, more...)...,
	)
}
