// Package page serves the pages of the sandbox's environments: what an app would show, were there
// instances to run one.
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

// Config is what a page needs.
type Config struct {
	// Environments lists the environments of the moment.
	Environments func() []services.Environment
	// Progress says how far Perch is with the environment of a host; nil if that is not known.
	Progress func(ctx context.Context, host string) Progress
	// S3 reads the environments' buckets, and keeps what POST /seed brings.
	S3 *s3.Client
	// Logger takes the buckets that could not be read; nil discards them.
	Logger *slog.Logger
}

// Progress is how far a run is with an environment. Both are empty if no run is at work.
type Progress struct {
	// State is the environment's state in words, Words what the run waits for.
	State, Words string
}

//go:embed page.html
var document string

var pages = template.Must(template.New("page").Funcs(template.FuncMap{"size": size}).Parse(document))

type handler struct{ config Config }

// New serves the page of the environment that a request's Host header names: 200 while it is Ready,
// 503 while it is launched, updated or terminated, 404 if there is none.
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

// hostname is a Host header without its port and the dot at its end.
// waitingView is an environment that is not ready.
type waitingView struct {
	Name string
	Progress
}

// wait writes a page that loads itself again.
func (h handler) wait(w http.ResponseWriter, view waitingView) {
	w.Header().Set("Retry-After", "2")
	h.write(w, http.StatusServiceUnavailable, "waiting", view)
}

func hostname(header string) string {
	host := header
	if name, _, err := net.SplitHostPort(header); err == nil {
		host = name
	}
	return strings.TrimSuffix(host, ".")
}

// write renders one of the document's pages; nothing is sent before all of it is rendered.
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

// missingView is the page for a host that no environment has.
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

// environmentView is the page of an environment.
type environmentView struct {
	services.Environment
	Branch, Commit, Stack, Kind, URL string
	Buckets                          []bucketView
}

// Short is the commit as people write it.
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

// branchOf is the environment's branch, whose variable is written as in tags.
func branchOf(e services.Environment) string {
	if branch, ok := perch.DecodeTag(e.Options["PERCH_BRANCH"]); ok {
		return branch
	}
	return e.Options["PERCH_BRANCH"]
}
