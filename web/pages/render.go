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

// shell is what the template of every page shows around the page's main part.
type shell struct {
	Frame
	// Title is the page's heading and part of the window's title; empty on the first page.
	Title string
	// Events is the address where live.js listens for changes of the page; empty if it does not
	// listen.
	Events string
	// Repository and RunsURL are the frame's addresses if they are safe to link to. They hide the
	// frame's fields.
	Repository, RunsURL string
}

func newShell(f Frame, title string) shell {
	return shell{Frame: f, Title: title, Repository: webAddress(f.Repository), RunsURL: webAddress(f.RunsURL)}
}

// Role describes in words what the viewer may do.
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

// render writes a page completely or not at all.
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
