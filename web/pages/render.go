package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"

	"perch"
	"perch/report"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"count": report.Count, "printable": perch.Printable,
}).ParseFS(templateFiles, "templates/*.html"))

// shell is what the template of every page shows around its main part.
type shell struct {
	Frame
	// Title is the page's heading, also in the window's title; empty on the first page.
	Title string
	// Events is where live.js listens for changes of the page; empty if it does not.
	Events string
	// Repository and RunsURL are addresses that may be linked to, and hide those of the frame.
	Repository, RunsURL string
}

func newShell(f Frame, title string) shell {
	return shell{Frame: f, Title: title, Repository: webAddress(f.Repository), RunsURL: webAddress(f.RunsURL)}
}

// Role says what the viewer may do, in words.
func (s shell) Role() string {
	switch s.Viewer.Role {
	case "maintain", "admin":
		return "may do everything"
	case "write":
		return "may act on branches"
	case "read", "triage":
		return "may look"
	}
	return "has no access"
}

// render writes a page whole or not at all.
func render(w io.Writer, name string, view any) error {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, view); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	if _, err := page.WriteTo(w); err != nil {
		return fmt.Errorf("write page %s: %w", name, err)
	}
	return nil
}
