package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	hub "perch/sandbox/github"
	"perch/source"
)

func TestHeadsTakeOneCallWhicheverBranchesExist(t *testing.T) {
	there := map[string]string{
		"main": hash(1), "feature": hash(2), "feature/login": hash(3), "a#b%c": hash(4), "größe": hash(5),
		`quo"te`: hash(6), "$b0){x": hash(7),
	}
	server := withBranches(t, there)
	for branch, want := range map[string]string{
		"main": hash(1), "feature": hash(2), "feature/login": hash(3), "a#b%c": hash(4), "größe": hash(5),
		`quo"te`: hash(6), "$b0){x": hash(7),
		"mai": "", "feature/log": "", "gone": "", "Main": "",
	} {
		before := len(server.Calls())
		heads, err := open(t, server).Heads(t.Context(), "main", branch)
		expected := map[string]string{"main": hash(1)}
		if want != "" {
			expected[branch] = want
		}
		if diff := cmp.Diff(expected, heads); diff != "" || err != nil {
			t.Errorf("%s: %v, -want +got:\n%s", branch, err, diff)
		}
		if calls := server.Calls()[before:]; len(calls) != 1 {
			t.Errorf("%s: %v", branch, calls)
		}
	}
}

func TestHeadsOfARepositoryWithoutBranchesShowTheDefaultBranchMissing(t *testing.T) {
	heads, err := open(t, withBranches(t, nil)).Heads(t.Context(), "main", "gone")
	if heads == nil || len(heads) > 0 || err != nil {
		t.Errorf("got %v, %v", heads, err)
	}
}

func TestHeadsAreReadByAnApp(t *testing.T) {
	server := withBranches(t, names(2))
	r := app(t, server, http.StatusCreated)
	if heads, err := r.Heads(t.Context(), "feature/00001"); heads["feature/00001"] != hash(1) || err != nil {
		t.Errorf("got %v, %v", heads, err)
	}
}

func TestABranchThatGitRejectsIsAnError(t *testing.T) {
	server := withBranches(t, names(1))
	if heads, err := open(t, server).Heads(
		t.Context(), "feature/00000", "../../main",
	); heads != nil || err == nil || len(server.Calls()) > 0 {
		t.Errorf("got %v, %v", heads, err)
	}
}

// answering returns an answer about acme/shop with these fields.
func answering(fields string) string {
	return `{"data":{"repository":{"nameWithOwner":"acme/shop"` + fields + `}}}`
}

// TestS45AnAnswerThatSaysNothingIsNotAMissingBranch: what cannot be believed must never read as
// "there is no such branch".
func TestS45AnAnswerThatSaysNothingIsNotAMissingBranch(t *testing.T) {
	const private = ": acme/shop was removed, or made private to this token, or the App is not installed there; " +
		"correct `source` in the policy, or the token's access"
	for name, test := range map[string]struct{ body, want string }{
		"empty":     {"", "GitHub's answer has no content"},
		"null":      {"null", "GitHub's answer has no content"},
		"an object": {"{}", "GitHub's answer has no content"},
		"no data":   {`{"data":null}`, "GitHub's answer has no content"},
		"no repository": {
			`{"data":{"repository":null}}`, "GitHub answered NOT_FOUND (the repository is null)" + private,
		},
		"a list": {"[]", "GitHub's answer is not the JSON that it should be: json: cannot unmarshal array into " +
			"Go value of type github.queryAnswer"},
		"a page": {
			"<html>",
			"GitHub's answer is not the JSON that it should be: invalid character '<' looking for beginning of value",
		},
		"cut":      {answering(`,"b0":null`)[:60], "GitHub's answer broke off"},
		"nameless": {`{"data":{"repository":{"b0":null}}}`, "GitHub's answer does not name the repository"},
		"left out": {answering(""), "branch main: GitHub's answer leaves it out"},
		"another one": {
			answering(`,"b0":{"prefix":"refs/heads/","name":"Main","target":{"oid":"` + hash(1) + `"}}`),
			`branch main: GitHub answers for "refs/heads/Main"`,
		},
		"a tag": {
			answering(`,"b0":{"prefix":"refs/tags/","name":"main","target":{"oid":"` + hash(1) + `"}}`),
			`branch main: GitHub answers for "refs/tags/main"`,
		},
		"no commit": {
			answering(`,"b0":{"prefix":"refs/heads/","name":"main","target":null}`),
			`branch main: GitHub says that it points to "", which is not a commit`,
		},
		"an empty ref": {answering(`,"b0":{}`), `branch main: GitHub answers for ""`},
		"renamed": {
			strings.Replace(answering(`,"b0":null`), "acme/shop", "acme/store", 1),
			"GitHub answers for acme/store: acme/shop " + renamed,
		},
		"half an answer": {`{"data":{"repository":{"nameWithOwner":"acme/shop","b0":null}},` +
			`"errors":[{"message":"Something went wrong while executing your query."}]}`,
			"GitHub answered (Something went wrong while executing your query.)"},
		"not a word of data": {
			`{"message":"We couldn't respond to your request in time."}`,
			"GitHub answered (We couldn't respond to your request in time.)",
		},
		"NOT_FOUND": {`{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],` +
			`"message":"Could not resolve to a Repository with the name 'acme/shop'."}]}`,
			"GitHub answered NOT_FOUND (Could not resolve to a Repository with the name 'acme/shop'.)" + private},
		"FORBIDDEN": {`{"data":{"repository":{"nameWithOwner":"acme/shop","b0":null}},"errors":[{"type":"FORBIDDEN",` +
			`"path":["repository","b0"],"extensions":{"saml_failure":false},"message":"Resource not accessible by ` +
			`integration"}]}`,
			`GitHub answered FORBIDDEN (Resource not accessible by integration): give the token or the App the ` +
				`permission "Contents: read" in acme/shop`},
		"sign-on": {`{"data":{"repository":null},"errors":[{"type":"FORBIDDEN","extensions":{"saml_failure":true},` +
			`"message":"Resource protected by organization SAML enforcement."}]}`,
			"GitHub answered FORBIDDEN (Resource protected by organization SAML enforcement.): the organization " +
				"wants single sign-on; authorize the token for it"},
		"too little scope": {`{"data":null,"errors":[{"type":"INSUFFICIENT_SCOPES","message":"Your token has not ` +
			`been granted the required scopes"}]}`,
			`GitHub answered INSUFFICIENT_SCOPES (Your token has not been granted the required scopes): give the ` +
				`token or the App the permission "Contents: read" in acme/shop`},
	} {
		t.Run(name, func(t *testing.T) {
			server := withBranches(t, names(1))
			server.Intercept(body(test.body))
			heads, err := open(t, server).Heads(t.Context(), "main")
			if want := "read branch main of acme/shop: " +
				test.want; heads != nil || err == nil || err.Error() != want {
				t.Errorf("got %v, %v, want %s", heads, err, want)
			}
			rejected := strings.Contains(test.want, "; ") || strings.Contains(test.want, "Contents: read")
			if errors.As(err, new(*source.Rejected)) != rejected {
				t.Errorf("rejected %v, want %v", !rejected, rejected)
			}
		})
	}
}

func TestS66GraphQLNamesWhenToAskAgain(t *testing.T) {
	later := seconds(noon.Add(25 * time.Minute))
	for name, test := range map[string]struct {
		answer http.Handler
		want   time.Duration
	}{
		"used up": {hub.QueryError(
			"RATE_LIMITED", "API rate limit exceeded", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", later,
		), 25 * time.Minute},
		"used up, no time": {hub.QueryError("RATE_LIMITED", "API rate limit exceeded"), time.Minute},
		"secondary, Retry-After": {
			hub.QueryError("", "You have exceeded a secondary rate limit", "Retry-After", "90"), 90 * time.Second,
		},
		"secondary, no time": {hub.QueryError(
			"", "You have exceeded a secondary rate limit", "X-RateLimit-Remaining", "7", "X-RateLimit-Reset", later,
		), time.Minute},
		"secondary, without a query": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"message":"You have exceeded a secondary rate limit"}`)
		}), time.Minute},
		"403": {
			hub.Answer(403, "You have exceeded a secondary rate limit", "Retry-After", "90"), 90 * time.Second,
		},
		"429": {
			hub.Answer(429, "", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", later), 25 * time.Minute,
		},
		"a reset in a year": {hub.QueryError(
			"RATE_LIMITED", "", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", seconds(noon.AddDate(1, 0, 0)),
		), time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			server := withBranches(t, names(2))
			server.Intercept(always(test.answer))
			r := open(t, server)
			r.now = noonNow
			heads, err := r.Heads(t.Context(), "feature/00000")
			limited := new(source.RateLimited)
			if heads != nil || !errors.As(err, &limited) || !limited.Until.Equal(noon.Add(test.want)) {
				t.Errorf("got %v, %v, want %s later", heads, err, test.want)
			}
		})
	}
}

// TestTheTwoQuotasAreCountedApart: if a list has used up the quota of the REST API, last looks
// still have that of GraphQL.
func TestTheTwoQuotasAreCountedApart(t *testing.T) {
	server := withBranches(t, names(2))
	r := open(t, server)
	server.SetRemaining(0)
	if _, _, err := r.Branches(t.Context()); !errors.As(err, new(*source.RateLimited)) {
		t.Fatal(err)
	}
	if heads, err := r.Heads(t.Context(), "feature/00000"); heads["feature/00000"] != hash(0) || err != nil {
		t.Errorf("got %v, %v", heads, err)
	}
	server.SetRemaining(hub.Limit)
	server.SetPoints(0)
	if _, err := r.Heads(t.Context(), "feature/00000"); !errors.As(err, new(*source.RateLimited)) {
		t.Errorf("got %v", err)
	}
}

func TestS45ATroubledServerIsNotAMissingBranch(t *testing.T) {
	for name, intercept := range map[string]func(http.Handler) http.Handler{
		"500": always(hub.Answer(500, "Server Error")), "502": always(hub.Answer(502, "Bad Gateway")),
		"202":        always(hub.Answer(202, "")),
		"204":        always(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })),
		"broken off": brokenOff,
		"disconnected": always(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		})),
	} {
		server := withBranches(t, names(2))
		server.Intercept(intercept)
		heads, err := open(t, server).Heads(t.Context(), "gone")
		if heads != nil || err == nil || errors.As(err, new(*source.Rejected)) ||
			errors.As(err, new(*source.RateLimited)) {
			t.Errorf("%s: got %v, %v", name, heads, err)
		}
	}
}

func TestGraphQLIsBesideOrBelowTheRESTAPI(t *testing.T) {
	for base, want := range map[string]string{
		"": "https://api.github.com/graphql", "https://git.acme.com": "https://git.acme.com/api/graphql",
		"https://git.acme.com/api/v3/": "https://git.acme.com/api/graphql",
		"https://api.acme.ghe.com":     "https://api.acme.ghe.com/graphql",
	} {
		r, err := Open(perch.GitHubSource{Repository: "acme/shop", BaseURL: base}, Credentials{Token: "t0"})
		must(t, err)
		if request, err := r.graph.NewRequest(
			http.MethodPost, "graphql", nil,
		); err != nil || request.URL.String() != want {
			t.Errorf("%s: got %s, %v", base, request.URL, err)
		}
	}
}
