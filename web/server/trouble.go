package server

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"perch/readapi"
	"perch/web/pages"
)

// trouble explains why a request fails. It is shown as a page with a sentence and a way back.
type trouble struct {
	status          int
	title, sentence string
	back, backText  string
	// unknown means that the action may or may not have been carried out.
	unknown bool
}

// page buffers a page until it is complete, so that an error does not follow half a page.
type page struct{ bytes.Buffer }

// write sends the page that show writes.
func (d *Dashboard) write(w http.ResponseWriter, show func(out *page) error) *trouble {
	return d.send(w, http.StatusOK, show)
}

func (d *Dashboard) send(w http.ResponseWriter, status int, show func(out *page) error) *trouble {
	var out page
	if err := show(&out); err != nil {
		return broken(err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // The viewer may have gone.
	return nil
}

// tell sends the page of a trouble.
func (d *Dashboard) tell(w http.ResponseWriter, r *http.Request, failed *trouble) {
	if failed.status >= http.StatusInternalServerError {
		d.Logger.Warn("page", "path", r.URL.Path, "status", failed.status, "answer", failed.sentence)
	}
	viewer := pages.Viewer{Local: d.LocalUser != "", Login: d.LocalUser}
	if login, unknown := d.login(r); viewer.Login == "" && unknown == nil {
		viewer.Login, viewer.Role = login, d.people.role(login)
	}
	message := pages.Message{
		Title: failed.title, Sentence: failed.sentence, BackURL: failed.back, BackText: failed.backText,
	}
	sent := d.send(w, failed.status, func(out *page) error { return pages.WriteMessage(out, d.frame(viewer), message) })
	if sent != nil {
		http.Error(w, failed.sentence, failed.status)
	}
}

// broken returns the trouble for a defect of the dashboard.
func broken(err error) *trouble {
	return &trouble{
		status: http.StatusInternalServerError, title: "This page could not be made",
		sentence: fmt.Sprintf("An error of the dashboard: %v.", err), back: "/", backText: "All environments",
	}
}

func noSuchPage() *trouble {
	return &trouble{
		status: http.StatusNotFound, title: "No such page", sentence: "The dashboard has no page at this address.",
		back: "/", backText: "All environments",
	}
}

// signInFirst returns the trouble for people who are not signed in. After signing in, they return
// to the page that they requested.
func signInFirst(r *http.Request) *trouble {
	failed := &trouble{
		status: http.StatusUnauthorized, title: "Sign in",
		sentence: "Sign in with GitHub to see the environments of this " +
			"project.", back: "/signin", backText: "Sign in with GitHub",
	}
	if r.Method != http.MethodGet {
		failed.title = "Your session has ended"
		failed.sentence = "Nothing was done, because you are not signed in any more. Sign in again and repeat it."
	} else if to := r.URL.RequestURI(); to != "/" {
		failed.back += "?" + url.Values{"to": {to}}.Encode()
	}
	return failed
}

// readTrouble explains why the worker did not answer a question about the environment of branch, or
// about all environments if branch is empty.
func (d *Dashboard) readTrouble(err error, branch string) *trouble {
	var answered *readapi.Error
	failed := &trouble{
		status: http.StatusServiceUnavailable, title: "The worker does not answer", back: "/",
		backText: "All environments",
	}
	switch {
	case !errors.As(err, &answered):
		failed.sentence = "Nothing can be shown, because the worker does not answer. Environments are not affected. " +
			"Try again in a minute."
		failed.backText = "Try again"
		d.Logger.Warn("the worker does not answer", "error", err)
	case answered.Status == http.StatusNotFound && branch != "":
		failed.status, failed.title = http.StatusNotFound, "No environment"
		failed.sentence = fmt.Sprintf("The branch %s has no environment, or none any more.", branch)
	case answered.Status == http.StatusBadRequest:
		failed.status, failed.title = http.StatusBadRequest, "This was not understood"
		failed.sentence = answered.Sentence
	case answered.Status == http.StatusTooManyRequests:
		failed.status, failed.title = http.StatusTooManyRequests, "Too many requests"
		failed.sentence = fmt.Sprintf("Nothing was done: %s.", answered.Sentence)
	case answered.Status == http.StatusUnauthorized:
		failed.title = "The worker rejects this dashboard"
		failed.sentence = "The worker does not take this dashboard's token: " +
			"PERCH_READ_TOKEN must have the same value in both."
	default:
		failed.title, failed.sentence = "The worker could not answer", answered.Sentence
	}
	return failed
}
