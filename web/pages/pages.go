// Package pages is what people see of Perch in a browser: documents of package readapi in, HTML
// out. It does no I/O but writing, so package web/server decides what is asked and who may, and
// every page can be tested on a document that a test wrote.
//
// A page is a template of the folder templates, and takes a view: a struct that a file beside this
// one makes of a document (overview.go, environment.go, removed.go). A view holds finished words
// and addresses, so that the templates only arrange them. What others wrote, such as the title of a
// pull request, stays text: html/template escapes it, and only links.go makes addresses.
//
// The folder static has the style sheet and live.js, which fetches a page again when the server
// says that it differs. Pages work without it, and load nothing from anywhere else.
package pages

import (
	"embed"
	"io/fs"
	"time"
)

//go:embed static
var files embed.FS

// Static are the files that the server has to serve below /static/.
var Static = staticFiles()

// Viewer is the person who looks at a page.
type Viewer struct {
	// Login is the name on GitHub; empty if no person is signed in.
	Login string
	// Role is that of a readapi.Permission: none, read, triage, write, maintain or admin.
	Role string
	// Local says that everyone who reaches the dashboard is this person and may do everything; the
	// page says so.
	Local bool
	// Stale says that GitHub did not answer: the viewer may read, and may not act.
	Stale bool
}

// Frame is what all pages show beside their document.
type Frame struct {
	Viewer  Viewer
	Project string
	// Repository is the address of the repository on GitHub, RunsURL of Temporal's list of the
	// project's runs; both may be empty.
	Repository, RunsURL string
	// Now is what the words for times are relative to.
	Now time.Time
	// Notice says what happened to the viewer's last action; empty if there was none.
	Notice string
	// CanSignIn says that people sign in with GitHub, so that pages link to it.
	CanSignIn bool
}

// Message is a page with one sentence and a way on: an error, or the request to sign in.
type Message struct {
	Title, Sentence   string
	BackURL, BackText string
}

func staticFiles() fs.FS {
	folder, err := fs.Sub(files, "static")
	if err != nil {
		panic(err) // The folder is embedded.
	}
	return folder
}
