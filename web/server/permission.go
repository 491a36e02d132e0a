package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"perch/readapi"
	"perch/web/pages"
)

// reading has the repository roles that may see the dashboard.
var reading = []string{"read", "triage", "write", "maintain", "admin"}

// wholeLogin matches a GitHub login, including one with the suffix of managed users.
var wholeLogin = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// reader returns the frame of a page for a person who may read the repository.
func (d *Dashboard) reader(r *http.Request) (pages.Frame, *trouble) {
	viewer, failed := d.viewer(r, false)
	if failed != nil {
		return pages.Frame{}, failed
	}
	return d.frame(viewer), nil
}

// viewer returns the person who makes the request, if they may read the repository. If fresh is
// set, it reads the role from GitHub now.
func (d *Dashboard) viewer(r *http.Request, fresh bool) (pages.Viewer, *trouble) {
	if d.LocalUser != "" {
		viewer := pages.Viewer{Login: d.LocalUser, Role: "admin", Local: true}
		d.enterPerson(viewer)
		return viewer, nil
	}
	login, failed := d.login(r)
	if failed != nil {
		return pages.Viewer{}, failed
	}
	known := d.people.role(login)
	role, err := d.role(r.Context(), login, fresh)
	var answered *readapi.Error
	switch {
	case err == nil:
		d.enterPerson(pages.Viewer{Login: login, Role: role})
	case errors.As(err, &answered) && answered.Status < http.StatusInternalServerError:
		return pages.Viewer{Login: login}, d.readTrouble(err, "")
	case !slices.Contains(reading, known):
		return pages.Viewer{Login: login}, unknownRole(err)
	default:
		return pages.Viewer{Login: login, Role: known, Stale: true}, nil
	}
	if !slices.Contains(reading, role) {
		return pages.Viewer{Login: login, Role: role}, d.noAccess(login)
	}
	return pages.Viewer{Login: login, Role: role}, nil
}

// login returns the login of the person who makes the request.
func (d *Dashboard) login(r *http.Request) (string, *trouble) {
	if d.Proxy != nil {
		return d.Proxy.login(r)
	}
	if login := d.sessions.GetString(r.Context(), keyLogin); login != "" {
		return login, nil
	}
	return "", signInFirst(r)
}

// enterPerson records the person's role. If people do not sign in at the dashboard, it logs a
// person's first request as a sign-in. It does so again after the lifetime of a session.
func (d *Dashboard) enterPerson(viewer pages.Viewer) {
	isNew := d.people.enter(viewer.Login, viewer.Role, time.Now())
	if isNew && d.GitHub == nil {
		d.auditSignIn(viewer)
	}
}

// auditSignIn logs a sign-in.
func (d *Dashboard) auditSignIn(viewer pages.Viewer) {
	outcome := "done"
	if !slices.Contains(reading, viewer.Role) {
		outcome = "rejected"
	}
	d.audit("sign-in", viewer, "outcome", outcome)
}

func (d *Dashboard) role(ctx context.Context, login string, fresh bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	permission, err := d.Worker.Permission(ctx, login, fresh)
	return permission.Role, err
}

func unknownRole(err error) *trouble {
	return &trouble{
		status: http.StatusServiceUnavailable, title: "Your permission is not known",
		sentence: fmt.Sprintf("What you may do in the repository could not be asked: %v. Try again in a minute.", err),
		back:     "/", backText: "Try again",
	}
}

func (d *Dashboard) noAccess(login string) *trouble {
	return &trouble{
		status: http.StatusForbidden, title: "No access",
		sentence: fmt.Sprintf("%s may not read the repository of project %s. Ask a person who manages the repository "+
			"on GitHub for access.",
			login, d.Project),
		back: "/", backText: "Try again",
	}
}
