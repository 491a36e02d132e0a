package github

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	api "github.com/google/go-github/v60/github"

	hub "perch/sandbox/github"
	"perch/source"
)

// noon is the time in the tests of rate limits.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func TestS66ARateLimitNamesWhenToAskAgain(t *testing.T) {
	const secondary = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
	for name, test := range map[string]struct {
		answer http.Handler
		want   time.Duration
		reason string
	}{
		"403, used up": {hub.Answer(
			403, "API rate limit exceeded", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset",
			seconds(noon.Add(25*time.Minute)),
		), 25 * time.Minute, "GitHub's rate limit is used up"},
		"429, used up": {hub.Answer(
			429, "API rate limit exceeded", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset",
			seconds(noon.Add(25*time.Minute)),
		), 25 * time.Minute, "GitHub wants fewer requests"},
		"403, Retry-After": {
			hub.Answer(403, "You have exceeded a secondary rate limit", "Retry-After", "90"), 90 * time.Second,
			"GitHub wants fewer requests",
		},
		"429, Retry-After": {
			hub.Answer(429, "Too many requests", "Retry-After", "90"), 90 * time.Second, "GitHub wants fewer requests",
		},
		"both": {hub.Answer(
			429, "", "Retry-After", "90", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset",
			seconds(noon.Add(time.Minute)),
		), 90 * time.Second, "GitHub wants fewer requests"},
		"secondary": {
			documented(secondary, "Retry-After", "120"), 2 * time.Minute, "GitHub's secondary rate limit is reached",
		},
		"secondary, no time": {documented(secondary), time.Minute, "GitHub's secondary rate limit is reached"},
		"403, no time": {
			hub.Answer(403, "You have exceeded a secondary rate limit"), time.Minute, "GitHub wants fewer requests",
		},
		"429, no time": {hub.Answer(429, "Too many requests"), time.Minute, "GitHub wants fewer requests"},
		"429, not used up": {
			hub.Answer(429, "", "X-RateLimit-Remaining", "7", "X-RateLimit-Reset", seconds(noon.Add(25*time.Minute))),
			time.Minute, "GitHub wants fewer requests",
		},
		"a reset in a year": {
			hub.Answer(403, "", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", seconds(noon.AddDate(1, 0, 0))),
			time.Hour, "GitHub's rate limit is used up",
		},
		"Retry-After in a year": {
			hub.Answer(429, "", "Retry-After", "31536000"), time.Hour, "GitHub wants fewer requests",
		},
		"Retry-After as nonsense": {
			hub.Answer(429, "", "Retry-After", "-1"), time.Minute, "GitHub wants fewer requests",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := withBranches(t, names(250))
			server.Intercept(on("2", always(test.answer)))
			r := open(t, server)
			r.now = noonNow
			branches, complete, err := r.Branches(t.Context())
			limited := new(source.RateLimited)
			if branches != nil || complete || !errors.As(err, &limited) {
				t.Fatalf("got %v, %v", complete, err)
			}
			if !limited.Until.Equal(noon.Add(test.want)) || limited.Reason != test.reason {
				t.Errorf(
					"got %q after %s, want %q after %s", limited.Reason, limited.Until.Sub(noon), test.reason,
					test.want,
				)
			}
		})
	}
}

// documented is an error that refers to this page.
func documented(page string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": "You are too fast", "documentation_url": page})
	})
}

func TestS66NothingIsAskedUntilTheReset(t *testing.T) {
	server := withBranches(t, names(450))
	server.SetRemaining(2)
	r := open(t, server)
	for range 2 {
		_, complete, err := r.Branches(t.Context())
		limited := new(source.RateLimited)
		if complete || !errors.As(err, &limited) || !limited.Until.Equal(server.Reset()) {
			t.Fatalf("got %v, %v", complete, err)
		}
		want := "GitHub's rate limit is used up; ask again after " +
			server.Reset().UTC().Format("2006-01-02 15:04:05 UTC")
		if !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if calls := server.Calls(); len(calls) != 2 {
		t.Errorf("asked %d times, and the quota was 2: %v", len(calls), calls)
	}
}

func TestS67ATokenThatMayNotReadIsRejectedWithASentence(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.Handler
		want   string
	}{
		"expired": {hub.Answer(401, "Bad credentials"), "GitHub answered 401 (Bad credentials): the token or " +
			"the App's key is expired, revoked or mistyped; give the worker a new one"},
		"second login": {
			hub.Answer(401, "Must specify two-factor authentication OTP code.", "X-GitHub-OTP", "required; app"),
			"GitHub answered 401 (Must specify two-factor authentication OTP code.): the token or the App's key is " +
				"expired, revoked or mistyped; give the worker a new one",
		},
		"no right": {hub.Answer(403, "Resource not accessible by personal access token"), `GitHub answered 403 ` +
			`(Resource not accessible by personal access token): give the token or the App the permission "Contents: ` +
			`read" in acme/shop`},
		"sign-on": {hub.Answer(
			403, "Resource protected by organization SAML enforcement.", "X-GitHub-SSO",
			"required; url=https://github.com/orgs/acme/sso",
		), "GitHub answered 403 (Resource protected by organization SAML enforcement.): the organization wants " +
			"single sign-on; authorize the token for it"},
		"no access": {hub.Answer(404, "Not Found"), "GitHub answered 404 (Not Found): acme/shop was removed, or made " +
			"private to this token, or the App is not installed there; correct `source` in the policy, or the " +
			"token's access"},
		"renamed": {
			hub.Answer(301, "Moved Permanently", "Location", "/api/v3/repositories/1"),
			"GitHub answered 301 (Moved Permanently): acme/shop " + renamed,
		},
		"blocked": {
			hub.Answer(451, "Repository access blocked"),
			"GitHub answered 451 (Repository access blocked): GitHub has blocked access to the repository",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := withBranches(t, names(2))
			server.Intercept(always(test.answer))
			r := open(t, server)
			_, complete, listing := r.Branches(t.Context())
			heads, heading := r.Heads(t.Context(), "feature/00000")
			has, looking := r.HasCommit(t.Context(), hash(0))
			if complete || heads != nil || has {
				t.Errorf("complete %v, heads %v, has %v", complete, heads, has)
			}
			for tried, err := range map[string]error{
				"list branches of acme/shop: page 1": listing, "read branch feature/00000 of acme/shop": heading,
				"look for commit " + hash(0) + " in acme/shop": looking,
			} {
				rejected := new(source.Rejected)
				if !errors.As(err, &rejected) || rejected.Reason != test.want || err.Error() != tried+": "+test.want {
					t.Errorf("got %v, want %s: %s", err, tried, test.want)
				}
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	server := withBranches(t, names(2))
	server.Intercept(always(hub.Answer(302, "Found", "Location", server.URL+"/api/v3/elsewhere")))
	_, complete, err := open(t, server).Branches(t.Context())
	if want := "list branches of acme/shop: page 1: GitHub answered 302 (Found)"; complete || err == nil ||
		err.Error() != want {
		t.Errorf("got %v, %v", complete, err)
	}
	if calls := server.Calls(); len(calls) != 1 {
		t.Errorf("asked %v", calls)
	}
}

func TestAServerThatIsNotThereIsAnError(t *testing.T) {
	server := withBranches(t, names(2))
	r := open(t, server)
	server.Intercept(always(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })))
	_, complete, err := r.Branches(t.Context())
	rejected, limited := new(source.Rejected), new(source.RateLimited)
	if complete || err == nil || errors.As(err, &rejected) || errors.As(err, &limited) {
		t.Errorf("got %v, %v", complete, err)
	}
}

func TestTheTokenIsInNoError(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hub.Answer(418, "you said "+r.Header.Get("Authorization")+
			"\r\nand ghs_16C7e42F292c69C2E7C10c838347Ae178B4a and "+strings.Repeat("x", 500)).ServeHTTP(w, r)
	})
	server := withBranches(t, names(2))
	server.Intercept(always(echo))
	_, _, err := open(t, server).Branches(t.Context())
	if want := "GitHub answered 418 (you said Bearer *** and *** and xxx"; err == nil ||
		!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), hub.Token) || len(err.Error()) > 400 {
		t.Errorf("got %v", err)
	}
}

func noonNow() time.Time { return noon }

// FuzzRateLimits: for any rate limit that a server returns, Perch waits an hour at most, and does
// not try again at once.
func FuzzRateLimits(f *testing.F) {
	f.Add(403, "API rate limit exceeded", "", "0", "1782907500")
	f.Add(429, "", "90", "7", "x")
	f.Add(403, "secondary rate limit", "-1", "", "")
	f.Add(429, "", "99999999999999999999", "0", "-9223372036854775808")
	f.Add(200, "You have exceeded a secondary rate limit", "1e3", "0", "9223372036854775807")
	f.Fuzz(func(t *testing.T, status int, message, retryAfter, remaining, reset string) {
		r := &Repository{owner: "acme", name: "shop", now: noonNow}
		answer := &http.Response{StatusCode: status, Header: http.Header{
			"Retry-After": {retryAfter}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset},
		}}
		for _, err := range []error{
			&api.ErrorResponse{Response: answer, Message: message},
			&queryError{kind: queryLimited, message: message, answer: answer},
		} {
			limited := new(source.RateLimited)
			if !errors.As(r.failure(err, "ask"), &limited) {
				continue
			}
			if limited.Until.After(noon.Add(time.Hour)) {
				t.Errorf("%v waits until %s", err, limited.Until)
			}
		}
	})
}

// TestAnswerReadsErrorsOfRequestsAndOfAppsForTheirToken is about errors of both clients; an
// error that is not an answer has no status.
func TestAnswerReadsErrorsOfRequestsAndOfAppsForTheirToken(t *testing.T) {
	unauthorized := &http.Response{StatusCode: http.StatusUnauthorized}
	r := &Repository{secrets: []string{"the-secret"}}
	for name, test := range map[string]struct {
		err    error
		status int
		said   string
	}{
		"a request": {
			&api.ErrorResponse{Response: unauthorized, Message: "Bad credentials: the-secret"}, 401,
			"Bad credentials: ***",
		},
		"an App": {
			&ghinstallation.HTTPError{Response: unauthorized, Message: "no token ghs_abc"}, 401, "no token ***",
		},
		"no answer": {errors.New("connection refused"), 0, ""},
	} {
		if status, said := r.Answer(test.err); status != test.status || said != test.said {
			t.Errorf("%s: %d %q, want %d %q", name, status, said, test.status, test.said)
		}
	}
}
