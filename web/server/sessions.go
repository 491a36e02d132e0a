package server

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"

	"perch/web/pages"
)

const (
	// sessionLife is how long a person stays signed in, and signInLife how long signing in may
	// take: GitHub's codes are valid as long (GitHub docs: Authorizing OAuth apps).
	sessionLife = 12 * time.Hour
	signInLife  = 10 * time.Minute
)

// What a session has.
const (
	// keyLogin is who is signed in, keyRole what that person was last known to be allowed.
	keyLogin = "login"
	keyRole  = "role"
	// keyNotice is what the next page says.
	keyNotice = "notice"
	// keyState, keyVerifier and keyReturn belong to a person who is signing in.
	keyState    = "state"
	keyVerifier = "verifier"
	keyReturn   = "return"
)

// newSessions keeps sessions in memory: after a restart people sign in again. A cookie whose name
// begins with __Host- is only taken from the dashboard's own host by HTTPS, so that no other
// application below the same domain can set it. Without HTTPS, on a loopback address, browsers do
// not take such a name.
func newSessions(public *url.URL) *scs.SessionManager {
	sessions := scs.New()
	sessions.Lifetime, sessions.HashTokenInStore = sessionLife, true
	sessions.Cookie.Name, sessions.Cookie.Secure = "perch", false
	if public.Scheme == "https" {
		sessions.Cookie.Name, sessions.Cookie.Secure = "__Host-perch", true
	}
	sessions.Cookie.SameSite = http.SameSiteLaxMode
	return sessions
}

// enter begins a session of a person, under a new token.
func (d *Dashboard) enter(r *http.Request, login, role string) error {
	ctx := r.Context()
	if err := d.sessions.RenewToken(ctx); err != nil {
		return err
	}
	d.sessions.SetDeadline(ctx, time.Now().Add(sessionLife).UTC())
	d.sessions.Put(ctx, keyLogin, login)
	d.sessions.Put(ctx, keyRole, role)
	return nil
}

// complete is the frame of the page that is shown now, with the notice that waits for it.
func (d *Dashboard) complete(frame pages.Frame, r *http.Request) pages.Frame {
	if d.sessions.Exists(r.Context(), keyNotice) {
		frame.Notice = d.sessions.PopString(r.Context(), keyNotice)
	}
	return frame
}

// frame is what every page says around its content.
func (d *Dashboard) frame(viewer pages.Viewer) pages.Frame {
	frame := pages.Frame{Viewer: viewer, Project: d.Project, Now: time.Now().UTC(), CanSignIn: d.GitHub != nil}
	if overview := d.lastOverview(); overview != nil {
		frame.Repository, frame.RunURL = overview.Repository, overview.RunURL
	}
	return frame
}

// audit writes the line that says who did what.
func (d *Dashboard) audit(message string, viewer pages.Viewer, more ...any) {
	d.Logger.Info(
		message, append([]any{slog.String("who", viewer.Login), slog.String("role", viewer.Role)}, more...)...,
	)
}
