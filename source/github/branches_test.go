package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	hub "perch/sandbox/github"
	"perch/source"
)

func mustList(t *testing.T, r *Repository, want map[string]string) {
	t.Helper()
	got, complete, err := r.Branches(t.Context())
	if err != nil || !complete {
		t.Fatal(complete, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("branches (-want +got):\n%s", diff)
	}
}

func TestBranchesOfEveryPageAreListedWithOneRequestEach(t *testing.T) {
	for branches, requests := range map[int]int{
		1: 1, 99: 1, 101: 2, 200: 2, 201: 3, 450: 5,
		100: 2, // A full page that is alone looks like one whose Link header was lost.
	} {
		t.Run(fmt.Sprint(branches), func(t *testing.T) {
			server := withBranches(t, names(branches))
			mustList(t, open(t, server), names(branches))
			if calls := server.Calls(); len(calls) != requests {
				t.Errorf("%d requests instead of %d: %v", len(calls), requests, calls)
			}
		})
	}
}

// withoutLinks removes the Link header from an answer 304, which need not repeat it (RFC 9110,
// section 15.4.5).
func withoutLinks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buffer := &recorder{ResponseWriter: w}
		next.ServeHTTP(buffer, r)
		if buffer.status == http.StatusNotModified {
			w.Header().Del("Link")
		}
		w.WriteHeader(buffer.status)
		_, _ = w.Write(buffer.content)
	})
}

// linkers runs a test with and without Link headers on answers 304.
func linkers(t *testing.T, test func(t *testing.T, intercept func(http.Handler) http.Handler)) {
	t.Run("links", func(t *testing.T) { test(t, nil) })
	t.Run("no links", func(t *testing.T) { test(t, withoutLinks) })
}

func TestAnUnchangedListingCostsNoQuota(t *testing.T) {
	linkers(t, func(t *testing.T, intercept func(http.Handler) http.Handler) {
		server := withBranches(t, names(250))
		server.Intercept(intercept)
		r := open(t, server)
		mustList(t, r, names(250))
		if used := hub.Limit - server.Remaining(); used != 3 {
			t.Errorf("the first listing cost %d requests", used)
		}
		mustList(t, r, names(250))
		if used := hub.Limit - server.Remaining(); used != 3 {
			t.Errorf("the second listing cost %d requests", used-3)
		}
	})
}

func TestAListFollowsTheRepositoryRegardlessOfTheCache(t *testing.T) {
	linkers(t, func(t *testing.T, intercept func(http.Handler) http.Handler) {
		server := withBranches(t, names(1))
		server.Intercept(intercept)
		r := open(t, server)
		for _, n := range []int{1, 2, 99, 100, 101, 200, 201, 300} {
			push(t, server, names(n))
			mustList(t, r, names(n))
		}
		push(t, server, map[string]string{"feature/00007": hash(7000)})
		moved := names(300)
		moved["feature/00007"] = hash(7000)
		mustList(t, r, moved)
		for n := 299; n > 280; n-- {
			remove(t, server, fmt.Sprintf("feature/%05d", n))
			delete(moved, fmt.Sprintf("feature/%05d", n))
			mustList(t, r, moved)
		}
	})
}

// TestAListThatShrinksByAPageMayTakeTwoLooks: without Link headers, the pages that Perch kept still
// name the page that no longer exists.
func TestAListThatShrinksByAPageMayTakeTwoLooks(t *testing.T) {
	server := withBranches(t, names(201))
	server.Intercept(withoutLinks)
	r := open(t, server)
	mustList(t, r, names(201))
	remove(t, server, "feature/00200")
	if branches, complete, err := r.Branches(t.Context()); err == nil && (!complete || len(branches) != 200) {
		t.Errorf("got %d branches, %v", len(branches), complete)
	}
	mustList(t, r, names(200))
}

func TestAnInterruptedListingGoesOnWhereItStopped(t *testing.T) {
	server := withBranches(t, names(450))
	r := open(t, server)
	server.Intercept(on(
		"4", func(http.Handler) http.Handler { return hub.Answer(http.StatusBadGateway, "Server Error") },
	))
	if _, complete, err := r.Branches(t.Context()); complete || err == nil {
		t.Fatal(complete, err)
	}
	server.Intercept(nil)
	server.SetRemaining(3)
	mustList(t, r, names(450))
	if left := server.Remaining(); left != 1 {
		t.Errorf("%d requests are left of 3, and two pages were new", left)
	}
}

func TestABranchThatMovesBetweenPagesIsNotListedTwice(t *testing.T) {
	server := withBranches(t, names(250))
	server.Intercept(on("2", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			push(t, server, map[string]string{"aaa": hash(1)})
			next.ServeHTTP(w, r)
		})
	}))
	r := open(t, server)
	_, complete, err := r.Branches(t.Context())
	if want := "list branches of acme/shop: page 2: branch feature/00099 is there twice: the list changed while it " +
		"was read"; complete || err == nil || err.Error() != want {
		t.Errorf("got %v, %v", complete, err)
	}
	want := names(250)
	want["aaa"] = hash(1)
	mustList(t, r, want)
}

func TestACancelledContextEndsAListing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, complete, err := open(t, withBranches(t, names(1))).Branches(ctx); complete ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", complete, err)
	}
}

func TestS45AnIncompleteListIsAnError(t *testing.T) {
	shortened := rewritten(func(_ http.Header, content string) string {
		return content[:strings.LastIndex(content, ",{")] + "]"
	})
	for name, test := range map[string]struct {
		intercept func(http.Handler) http.Handler
		want      string
		rejected  bool
	}{
		"empty": {on("1", body("[]")), "page 1: GitHub lists no branch at all; a repository that is " +
			"empty, or is being restored, says nothing about its branches: push one", true},
		"no content":       {on("1", body("")), "page 1: GitHub's answer has no content", false},
		"null":             {on("1", body("null")), "page 1: GitHub's answer has no content", false},
		"no content later": {on("2", body("")), "page 2: GitHub's answer has no content", false},
		"empty later": {
			on("2", body("[]")), "page 2: it is empty, and the page before it says that there is more", false,
		},
		"the last is empty": {
			on("3", body("[]")), "page 3: it is empty, and the page before it says that there is more", false,
		},
		"401": {always(hub.Answer(401, "Bad credentials")), "page 1: GitHub answered 401 (Bad " +
			"credentials): the token or the App's key is expired, revoked or mistyped; give the worker a new one",
			true},
		"500": {
			on("1", always(hub.Answer(500, "Server Error"))), "page 1: GitHub answered 500 (Server Error)", false,
		},
		"502 later": {
			on("3", always(hub.Answer(502, "Bad Gateway"))), "page 3: GitHub answered 502 (Bad Gateway)", false,
		},
		"404 later": {on("2", always(hub.Answer(404, "Not Found"))), "page 2: GitHub answered 404 (Not " +
			"Found): acme/shop was removed, or made private to this token, or the App is not installed there; " +
			"correct `source` in the policy, or the token's access", true},
		"202": {
			on("1", always(hub.Answer(202, ""))), "page 1: job scheduled on GitHub side; try again later", false,
		},
		"304 without an ETag": {
			on("1", always(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }))),
			"page 1: GitHub answered 304 ()", false,
		},
		"cut": {on("2", brokenOff), "page 2: GitHub's answer broke off", false},
		"cut JSON": {
			on("2", rewritten(func(_ http.Header, content string) string { return content[:len(content)/2] })),
			"page 2: GitHub's answer broke off", false,
		},
		"a page of fewer": {
			on("2", shortened), "page 2: it has 99 branches instead of 100, and is not the last", false,
		},
		"no links": {
			on("1", rewritten(func(h http.Header, content string) string { h.Del("Link"); return content })),
			"page 2: it is there, and page 1 does not say so: its Link header is missing", false,
		},
		"no links later": {
			on("2", rewritten(func(h http.Header, content string) string { h.Del("Link"); return content })),
			"page 2: it is the last, and there were 3 when the first was read", false,
		},
		"a page left out": {on("1", rewritten(func(h http.Header, content string) string {
			h.Set("Link", strings.ReplaceAll(h.Get("Link"), "page=2&", "page=3&"))
			return content
		})), "page 1: GitHub says that page 3 is the next", false},
		"a page more": {on("2", rewritten(func(h http.Header, content string) string {
			h.Set("Link", `<https://api/x?page=3>; rel="next", <https://api/x?page=4>; rel="last"`)
			return content
		})), "page 2: 3 pages became 4 while the list was read", false},
		"no commit": {
			on("3", body(`[{"name":"main"}]`)), `page 3: branch main points to "", which is not a commit`, false,
		},
		"no name":    {on("3", body(`[{}]`)), `page 3: "" is not a branch name that Git accepts: it is empty`, false},
		"null entry": {on("3", body(`[null]`)), `page 3: "" is not a branch name that Git accepts: it is empty`, false},
		"an object": {on("1", body(`{}`)), "page 1: GitHub's answer is not the JSON that it should be: json: cannot " +
			"unmarshal object into Go value of type []*github.Branch", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := withBranches(t, names(250))
			server.Intercept(test.intercept)
			r := open(t, server)
			branches, complete, err := r.Branches(t.Context())
			if want := "list branches of acme/shop: " +
				test.want; branches != nil || complete || err == nil || err.Error() != want {
				t.Errorf("got %d branches, %v,\n%v, want\n%s", len(branches), complete, err, want)
			}
			if rejected := new(source.Rejected); errors.As(err, &rejected) != test.rejected {
				t.Errorf("rejected: %v, want %v", !test.rejected, test.rejected)
			}
			server.Intercept(nil)
			mustList(t, r, names(250))
		})
	}
}

// TestABranchThatAListMissedIsFoundByItsName: if a branch is deleted between the reads of two
// pages, the first branch of the next page moves to the page that was already read. No answer of
// GitHub shows that, so a list alone must not lead to a removal.
func TestABranchThatAListMissedIsFoundByItsName(t *testing.T) {
	server := withBranches(t, names(250))
	server.Intercept(on("2", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(server.Calls()) == 2 {
				remove(t, server, "feature/00000")
			}
			next.ServeHTTP(w, r)
		})
	}))
	r := open(t, server)
	branches, _, err := r.Branches(t.Context())
	if _, listed := branches["feature/00100"]; listed || err != nil {
		t.Fatalf("the list has it after all: %v", err)
	}
	if heads, err := r.Heads(t.Context(), "feature/00100"); heads["feature/00100"] != hash(100) || err != nil {
		t.Errorf("got %v, %v", heads, err)
	}
	want := names(250)
	delete(want, "feature/00000")
	mustList(t, r, want)
}
