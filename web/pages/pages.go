// Package pages writes the HTML pages that people see in a browser, from documents of package
// readapi. It does no I/O except writing. Package web/server decides what to read and who may see
// it, so a test can check every page with a document that it wrote itself.
//
// A page is a template in the folder templates. Its data is a view: a struct that a file in this
// folder (overview.go, environment.go, removed.go) makes from a document. A view holds finished
// words and addresses, so the templates only arrange them. Text that other people wrote, such as
// the title of a pull request, stays text: html/template escapes it, and only links.go makes
// addresses from it.
//
// The folder static has the style sheet and live.js, which loads a page again when the server
// reports a change. Pages also work without it, and load nothing from other hosts.
package pages

import (
	"embed"
	"io/fs"
	"time"
)

//go:embed static
var files embed.FS

// Static has the files that the server serves below /static/.
var Static = staticFiles()

// Viewer is the person who looks at a page.
type Viewer struct {
	// Login is the person's login on GitHub; empty if they are not signed in.
	Login string
	// Role is the role of a readapi.Permission: none, read, triage, write, maintain or admin.
	Role string
	// Local means that everyone who reaches the dashboard is this person and may do everything; the
	// page shows that.
	Local bool
	// Stale means that GitHub did not answer, so the viewer may read but not act.
	Stale bool
}

// Frame is what every page shows around its document.
type Frame struct {
	Viewer  Viewer
	Project string
	// Repository is the address of the repository on GitHub, and RunsURL that of Temporal's list of
	// the project's runs; both may be empty.
	Repository, RunsURL string
	// Now is the time to which the words for times are relative.
	Now time.Time
	// Notice is the result of the viewer's last action; empty if there was none.
	Notice string
	// CanSignIn means that people sign in with GitHub, so pages link to that.
	CanSignIn bool
}

// Message is a page with one sentence and a link: an error, or a request to sign in.
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
