// Package page serves the pages of the sandbox's environments. The sandbox has no instances that
// could run an app, so it shows a page in place of the app.
package page

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/sandbox/aws/services"
)

// Config configures New.
type Config struct {
	// Environments lists the environments that exist now.
	Environments func() []services.Environment
	// Progress returns the progress of Perch's run for the environment at a host; nil if it cannot
	// be read.
	Progress func(ctx context.Context, host string) Progress
	// S3 reads the environments' buckets, and stores what POST /seed sends.
	S3 *s3.Client
	// Logger receives errors of buckets that could not be read; nil discards them.
	Logger *slog.Logger
}

// Progress is the progress of a run. Both fields are empty if no run is working for the
// environment.
type Progress struct {
	// State is the environment's state in words. Words say what the run waits for.
	State, Words string
}

//go:embed page.html
var document string

var pages = template.Must(template.New("page").Funcs(template.FuncMap{"size": size}).Parse(document))

type handler struct{ config Config }

// New returns a handler that serves the page of the environment at the request's Host: with 200
// while it is Ready, with 503 while it is launched, updated or terminated, and with 404 if there is
// none.
func New(config Config) http.Handler {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return handler{config}
}

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	environments := h.config.Environments()
	host := hostname(r.Host)
	i := slices.IndexFunc(environments, func(e services.Environment) bool { return strings.EqualFold(e.Host, host) })
	var far Progress
	if h.config.Progress != nil && (i < 0 || environments[i].Status != "Ready") {
		far = h.config.Progress(r.Context(), host)
	}
	switch {
	case i < 0 && far != Progress{}:
		h.wait(w, waitingView{host, far})
	case i < 0:
		h.write(w, http.StatusNotFound, "missing", missing(host, r.Host, environments))
	case environments[i].Status != "Ready":
		h.wait(w, waitingView{environments[i].Name, Progress{cmp.Or(far.State, environments[i].Status), far.Words}})
	case r.URL.Path == environments[i].HealthPath && r.URL.Path != "/":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, "ok")
	case r.URL.Path == seedPath:
		h.seed(w, r, environments[i])
	case r.URL.Path != "/":
		h.write(w, http.StatusNotFound, "unknown", r.URL.Path)
	default:
		h.write(w, http.StatusOK, "environment", h.view(r.Context(), environments[i]))
	}
}

// waitingView is the view of an environment that is not ready.
type waitingView struct {
	Name string
	Progress
}

// wait writes a page that reloads itself.
func (h handler) wait(w http.ResponseWriter, view waitingView) {
	w.Header().Set("Retry-After", "2")
	h.write(w, http.StatusServiceUnavailable, "waiting", view)
}

// hostname returns a Host header without its port and without a dot at its end.
func hostname(header string) string {
	host := header
	if name, _, err := net.SplitHostPort(header); err == nil {
		host = name
	}
	return strings.TrimSuffix(host, ".")
}

// write renders one of the document's pages. It sends nothing before the whole page is rendered.
func (h handler) write(w http.ResponseWriter, status int, name string, data any) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, data); err != nil {
		h.config.Logger.Error("page not rendered", "page", name, "error", err)
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

// missingView is the view of the page for a host without an environment.
type missingView struct {
	Host  string
	Hosts []link
}

type link struct{ Host, URL, Status string }

func missing(host, header string, environments []services.Environment) missingView {
	view := missingView{Host: host}
	port := ""
	if _, number, err := net.SplitHostPort(header); err == nil {
		port = ":" + number
	}
	for _, e := range environments {
		view.Hosts = append(view.Hosts, link{e.Host, "http://" + e.Host + port + "/", e.Status})
	}
	slices.SortFunc(view.Hosts, func(a, b link) int { return strings.Compare(a.Host, b.Host) })
	return view
}

// environmentView is the view of the page of an environment.
type environmentView struct {
	services.Environment
	Branch, Commit, Stack, Kind, URL string
	Buckets                          []bucketView
}

// Short returns the first characters of the commit, as people write it.
func (v environmentView) Short() string { return v.Commit[:min(len(v.Commit), 12)] }

func (h handler) view(ctx context.Context, e services.Environment) environmentView {
	view := environmentView{
		Environment: e, Branch: branchOf(e), Commit: e.Options["PERCH_COMMIT"],
		Stack: e.Options["PERCH_STACK"], Kind: e.Options["PERCH_KIND"], URL: e.Options["PERCH_URL"],
	}
	for variable, bucket := range e.Options {
		if name, ok := strings.CutPrefix(variable, "BUCKET_"); ok {
			view.Buckets = append(view.Buckets, h.bucket(ctx, name, bucket))
		}
	}
	slices.SortFunc(view.Buckets, func(a, b bucketView) int { return strings.Compare(a.Name, b.Name) })
	return view
}

// branchOf returns the environment's branch. A variable of the environment has it, in the encoding
// of tags.
func branchOf(e services.Environment) string {
	if branch, ok := perch.DecodeTag(e.Options["PERCH_BRANCH"]); ok {
		return branch
	}
	return e.Options["PERCH_BRANCH"]
}
