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
	// sessionLife is how long a person stays signed in. signInLife is the time limit for signing
	// in, which is also the lifetime of GitHub's codes (GitHub docs: Authorizing OAuth apps).
	sessionLife = 12 * time.Hour
	signInLife  = 10 * time.Minute
)

// Keys of session values. Only two kinds of people have a session: those who have signed in, and
// those who are shown the result of an action.
const (
	// keyLogin is the login of the person who is signed in.
	keyLogin = "login"
	// keyNotice, followed by a person's login, is the message for that person's next page.
	keyNotice = "notice "
)

// newSessions stores sessions in memory, so people sign in again after a restart. Browsers accept a
// cookie whose name begins with __Host- only by HTTPS and from the dashboard's host. So no other
// application below the same domain can set it. Without HTTPS, on a loopback address, browsers do
// not accept such a name.
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

// endedFor is how long a sessionStore remembers that a session has ended. It is longer than any
// request that may still commit the session.
const endedFor = 15 * time.Minute

// sessionStore stores sessions in memory and does not let an ended session return. A request that
// is in progress during a sign-out commits its copy of the session afterwards, which would
// otherwise undo the sign-out.
type sessionStore struct {
	*memstore.MemStore

	mu    sync.Mutex
	ended map[string]time.Time
}

// Delete implements scs.Store.
func (s *sessionStore) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.ended, func(_ string, at time.Time) bool { return now.Sub(at) > endedFor })
	s.ended[token] = now
	return s.MemStore.Delete(token)
}

// Commit implements scs.Store.
func (s *sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ended := s.ended[token]; ended {
		return nil
	}
	return s.MemStore.Commit(token, data, expiry)
}

// enter begins a person's session under a new token.
func (d *Dashboard) enter(r *http.Request, login string) error {
	ctx := r.Context()
	if err := d.sessions.RenewToken(ctx); err != nil {
		return err
	}
	d.sessions.SetDeadline(ctx, time.Now().Add(sessionLife).UTC())
	d.sessions.Put(ctx, keyLogin, login)
	return nil
}

// begunSignIn is the state of an unfinished sign-in: the state and the verifier of the OAuth flow,
// and the page to return to. The browser stores it in a cookie, so that the dashboard need not.
type begunSignIn struct{ state, verifier, to string }

// signInCookie returns a cookie with the same attributes as the session's.
func (d *Dashboard) signInCookie(value string, life time.Duration) *http.Cookie {
	like := d.sessions.Cookie
	return &http.Cookie{
		Name: like.Name + "-sign-in", Value: value, Path: like.Path, MaxAge: int(life.Seconds()), HttpOnly: true,
		Secure: like.Secure, SameSite: like.SameSite,
	}
}

// keepSignIn stores an unfinished sign-in in the browser.
func (d *Dashboard) keepSignIn(w http.ResponseWriter, begun begunSignIn) {
	to := base64.RawURLEncoding.EncodeToString([]byte(begun.to))
	http.SetCookie(w, d.signInCookie(begun.state+"."+begun.verifier+"."+to, signInLife))
}

// popSignIn returns the browser's unfinished sign-in and deletes its cookie; empty if there is
// none.
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

// complete adds the person's waiting notice to the frame of the page.
func (d *Dashboard) complete(frame pages.Frame, r *http.Request) pages.Frame {
	frame.Notice = d.sessions.PopString(r.Context(), keyNotice+frame.Viewer.Login)
	return frame
}

// frame returns the parts that all pages have in common.
func (d *Dashboard) frame(viewer pages.Viewer) pages.Frame {
	frame := pages.Frame{Viewer: viewer, Project: d.Project, Now: time.Now().UTC(), CanSignIn: d.GitHub != nil}
	if overview := d.lastOverview(); overview != nil {
		frame.Repository, frame.RunsURL = overview.Repository, overview.RunsURL
	}
	return frame
}

// audit logs who did what.
func (d *Dashboard) audit(message string, viewer pages.Viewer, more ...any) {
	d.Logger.Info(
		message, append([]any{slog.String("who", viewer.Login), slog.String("role", viewer.Role)}, more...)...,
	)
}
