package github

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	api "github.com/google/go-github/v60/github"
	"pgregory.net/rapid"

	"perch"
	hub "perch/sandbox/github"
)

// faults are what may happen to the answer with one page. With any of them, the list is either
// right or an error.
var faults = map[string]func(http.Handler) http.Handler{
	"none":         nil,
	"301":          always(hub.Answer(301, "Moved Permanently")),
	"401":          always(hub.Answer(401, "Bad credentials")),
	"403":          always(hub.Answer(403, "Forbidden")),
	"404":          always(hub.Answer(404, "Not Found")),
	"429":          always(hub.Answer(429, "Too many requests")),
	"502":          always(hub.Answer(502, "Bad Gateway")),
	"no content":   body(""),
	"null":         body("null"),
	"empty":        body("[]"),
	"broken off":   brokenOff,
	"no links":     rewritten(func(h http.Header, content string) string { h.Del("Link"); return content }),
	"no ETag":      rewritten(func(h http.Header, content string) string { h.Del("ETag"); return content }),
	"disconnected": always(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })),
}

func TestS45AListIsExactOrThereIsNone(t *testing.T) {
	var kinds []string
	for kind := range faults {
		kinds = append(kinds, kind)
	}
	server := withBranches(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		r, err := Open(perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL}, Credentials{Token: hub.Token})
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(t, "listings") {
			want := map[string]string{}
			// Around the borders of pages is where a list can go wrong.
			count := rapid.OneOf(
				rapid.IntRange(0, 320), rapid.SampledFrom([]int{99, 100, 101, 199, 200, 201, 300}),
			).Draw(t, "branches")
			seed, step := rapid.IntRange(0, 50).Draw(t, "first"), rapid.IntRange(1, 3).Draw(t, "step")
			for i := range count {
				want[fmt.Sprintf("b%04d", seed+i*step)] = hash(i + seed%3)
			}
			replace(server, want)
			kind := rapid.SampledFrom(kinds).Draw(t, "fault")
			page := rapid.IntRange(1, 4).Draw(t, "page")
			server.Intercept(nil)
			if fault := faults[kind]; fault != nil {
				server.Intercept(on(fmt.Sprint(page), fault))
			}
			server.SetRemaining(hub.Limit)
			got, complete, err := r.Branches(t.Context())
			if err != nil {
				if got != nil || complete {
					t.Fatalf("an error, and a list of %d, complete %v: %v", len(got), complete, err)
				}
				if kind != "none" || count == 0 {
					continue
				}
				// A list that is shorter by a page than the last one may take two looks.
				if got, complete, err = r.Branches(t.Context()); err != nil {
					t.Fatalf("no fault, and no list in two looks: %v", err)
				}
			}
			if diff := cmp.Diff(want, got); !complete || diff != "" {
				t.Fatalf("complete %v, -want +got:\n%s", complete, diff)
			}
		}
	})
}

func replace(server *hub.Server, branches map[string]string) {
	server.Change(func(repository *git.Repository) {
		references, err := repository.References()
		if err != nil {
			panic(err)
		}
		var old []plumbing.ReferenceName
		_ = references.ForEach(func(r *plumbing.Reference) error { old = append(old, r.Name()); return nil })
		for _, name := range old {
			if name.IsBranch() {
				_ = repository.Storer.RemoveReference(name)
			}
		}
		for name, commit := range branches {
			_ = repository.Storer.SetReference(plumbing.NewHashReference(
				plumbing.NewBranchReferenceName(name), plumbing.NewHash(commit),
			))
		}
	})
}

// said answers every request alike, without a network.
type said struct {
	status     int
	body, link string
}

func (s said) RoundTrip(request *http.Request) (*http.Response, error) {
	header := http.Header{"Etag": {`"1"`}}
	if s.link != "" {
		header.Set("Link", s.link)
	}
	return &http.Response{
		StatusCode: s.status, Header: header, Body: io.NopCloser(strings.NewReader(s.body)), Request: request,
	}, nil
}

func FuzzAnswers(f *testing.F) {
	f.Add(200, `[{"name":"main","commit":{"sha":"`+hash(1)+
		`"}}]`, `<https://api/x?page=2>; rel="next", <https://api/x?page=9>; rel="last"`)
	f.Add(200, `{"data":{"repository":{"nameWithOwner":"acme/shop","b0":{"prefix":"refs/heads/","name":"main",`+
		`"target":{"oid":"`+hash(1)+`"}},"b1":null}}}`, "")
	f.Add(200, `{"data":{"repository":{"nameWithOwner":"acme/shop","b0":null}},"errors":[{"type":"FORBIDDEN",`+
		`"message":"x","extensions":{"saml_failure":true}}]}`, "")
	f.Add(200, `{"sha":"`+hash(1)+`","tree":{"sha":"`+hash(2)+`"}}`, "")
	f.Add(200, `{"sha":"`+hash(2)+`","tree":[{"path":"a","mode":"100644","type":"blob","sha":"`+hash(3)+
		`","size":-1}],"truncated":false}`, "")
	f.Add(304, "", "")
	f.Add(403, `{"message":"rate limit","errors":["x",{"code":1}]}`, "")
	f.Fuzz(func(t *testing.T, status int, content, link string) {
		base, _ := url.Parse("https://api/")
		client := api.NewClient(&http.Client{Transport: said{status, content, link}, CheckRedirect: stay})
		client.BaseURL = base
		r := &Repository{
			owner: "acme", name: "shop", client: client, graph: client, now: noonNow, pages: map[int]page{},
		}
		for range 2 {
			branches, complete, err := r.Branches(t.Context())
			if complete != (err == nil) || (len(branches) > 0) != (err == nil) {
				t.Errorf("%d branches, complete %v: %v", len(branches), complete, err)
			}
			for name, commit := range branches {
				if perch.ValidateBranch(name) != nil || !fullCommit.MatchString(commit) {
					t.Errorf("branch %q at %q", name, commit)
				}
			}
		}
		heads, err := r.Heads(t.Context(), "main", "gone")
		if (heads == nil) != (err != nil) || err == nil && status/100 != 2 {
			t.Errorf("heads %v, %v", heads, err)
		}
		for name, commit := range heads {
			if !strings.Contains(content, commit) || !fullCommit.MatchString(commit) ||
				name != "main" && name != "gone" {
				t.Errorf("branch %q at %q", name, commit)
			}
		}
		if _, found, err := r.File(t.Context(), hash(1), "a"); found && err != nil {
			t.Error(err)
		}
		files, _ := r.Files(t.Context(), hash(1), ".")
		for _, file := range files {
			if strings.HasPrefix(file.Path, "/") || strings.Contains("/"+file.Path+"/", "/../") {
				t.Errorf("file %q", file.Path)
			}
		}
	})
}

func TestTenThousandBranchesAreAHundredRequests(t *testing.T) {
	server := withBranches(t, names(10_000))
	mustList(t, open(t, server), names(10_000))
	if calls := server.Calls(); len(calls) != 100 {
		t.Errorf("%d requests", len(calls))
	}
}

func BenchmarkBranches(b *testing.B) {
	for _, count := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			server := withBranches(b, names(count))
			r := open(b, server)
			for b.Loop() {
				server.SetRemaining(hub.Limit)
				if _, complete, err := r.Branches(b.Context()); err != nil || !complete {
					b.Fatal(complete, err)
				}
			}
		})
	}
}
