package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/readapi"
)

var redeployLogin = url.Values{"branch": {"feature/login"}, "commit": {commitOne}}

// TestAHostileEnvironmentReachesNothing tries what an application on a branch can do: it runs on
// another host, sets cookies for its parent domain, frames the dashboard, and posts to it as a
// person who is signed in.
func TestAHostileEnvironmentReachesNothing(t *testing.T) {
	s := newSite(t, nil)
	p := s.person(t, "ada")
	for name, headers := range map[string]http.Header{
		"a form of another site": {
			"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.preview.example.net"},
		},
		"a form of a host of this domain": {
			"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://feature.example.com"},
		},
		"an old browser":                   {"Sec-Fetch-Site": {""}, "Origin": {"https://evil.preview.example.net"}},
		"a page without an origin":         {"Sec-Fetch-Site": {""}, "Origin": {"null"}},
		"the dashboard's host, other port": {"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://127.0.0.1:1"}},
	} {
		t.Run("posts: "+name, func(t *testing.T) {
			p.header = headers
			defer func() { p.header = http.Header{} }()
			status, body := p.send(http.MethodPost, "/actions/redeploy", redeployLogin)
			wantAnswer(t, status, body, http.StatusForbidden, "sent by a page of another address, so nothing was done")
			status, body = p.send(http.MethodPost, "/signout", nil)
			wantAnswer(t, status, body, http.StatusForbidden)
		})
	}
	if taken := s.taker.taken(); taken != 0 {
		t.Errorf("%d requests were taken", taken)
	}
	t.Run("frames", func(t *testing.T) {
		answer, err := p.raw(http.MethodGet, "/", nil)
		status, _ := p.read(answer, err)
		if policy := answer.Header.Get(
			"Content-Security-Policy",
		); status != http.StatusOK || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("it may be framed: %d %s", status, policy)
		}
	})
	t.Run("sets cookies", func(t *testing.T) {
		// A cookie with the session's name, for the parent domain. Browsers reject it because of
		// the prefix, and the server has no session with its value.
		victim := s.visitor(t)
		victim.header.Set("Cookie", "perch=chosen-by-the-attacker")
		status, body := victim.send(http.MethodGet, "/", nil)
		wantAnswer(t, status, body, http.StatusUnauthorized)
	})
	t.Run("lets a browser find its own address behind the dashboard's name", func(t *testing.T) {
		victim := s.visitor(t)
		victim.header.Set("Host", "rebound.example.com")
		status, body := victim.send(http.MethodGet, "/", nil)
		wantAnswer(t, status, body, http.StatusMisdirectedRequest, "This dashboard is at "+s.url)
	})
}

func TestEveryAnswerHasTheHeadersThatProtectIt(t *testing.T) {
	s := newSite(t, func(settings *Settings) { settings.PublicURL, _ = url.Parse("https://perch.example.com") })
	for _, path := range []string{"/", "/environment?branch=x", "/signin", "/static/style.css", "/nothing", "/events"} {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		request.Host = "perch.example.com"
		answer := httptest.NewRecorder()
		s.Dashboard.ServeHTTP(answer, request)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY",
			"Referrer-Policy": "same-origin", "Cache-Control": "no-", "Strict-Transport-Security": "max-age=",
		} {
			if got := answer.Header().Get(name); !strings.Contains(got, want) {
				t.Errorf("%s of %s is %q, want %q", name, path, got, want)
			}
		}
	}
}

func TestTheDashboardIsNotServedBesideEnvironments(t *testing.T) {
	for public, refused := range map[string]bool{
		"https://preview.example.net": true, "https://perch.preview.example.net": true,
		"https://a.b.PREVIEW.example.net":           true,
		"https://feature-login.preview.example.net": true, "https://perch.example.net": false,
		"https://notpreview.example.net": false,
		"https://demo.example.org":       true, "https://x.demo.example.org": true,
	} {
		t.Run(public, func(t *testing.T) {
			s := newSite(t, func(settings *Settings) {
				signedInLocally(settings)
				settings.PublicURL, _ = url.Parse(public)
			})
			s.worker.change(func(w *worker) {
				w.overview.Environments[1].URL = "https://demo.example.org/"
				claimed := readapi.Environment{Branch: "claims", Kind: perch.KindBranch, URL: "https://net"}
				w.overview.Environments = append(w.overview.Environments, claimed)
			})
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.Host = s.PublicURL.Host
			answer := httptest.NewRecorder()
			s.Dashboard.ServeHTTP(answer, request)
			err := s.checkPlace(t.Context())
			if refused {
				wantAnswer(
					t, answer.Code, answer.Body.String(), http.StatusServiceUnavailable, "set PERCH_PUBLIC_URL to that",
				)
			} else {
				wantAnswer(t, answer.Code, answer.Body.String(), http.StatusOK)
			}
			if (err != nil) != refused {
				t.Errorf("at the start: %v", err)
			}
		})
	}
}

func TestHostsAreComparedWithTheirPorts(t *testing.T) {
	for _, test := range []struct {
		host, public string
		same         bool
	}{
		{"perch.example.com", "https://perch.example.com", true},
		{"perch.example.com:443", "https://perch.example.com", true},
		{"PERCH.example.com.", "https://perch.example.com", true},
		{"perch.example.com:8080", "https://perch.example.com", false},
		{"perch.example.com", "http://perch.example.com:8080", false},
		{"[::1]:8080", "http://[::1]:8080", true},
		{"evil.example.com", "https://perch.example.com", false},
		{"", "https://perch.example.com", false},
	} {
		public, _ := url.Parse(test.public)
		if same := sameHost(test.host, public); same != test.same {
			t.Errorf("%q is %s: %v", test.host, test.public, same)
		}
	}
}

func TestReadingGoesOnWithoutGitHubAndActionsDoNot(t *testing.T) {
	s := newSite(t, nil)
	p := s.person(t, "ada")
	s.worker.change(func(w *worker) { w.gitHubAway = true })
	status, body := p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusOK, "GitHub does not answer")
	status, body = p.send(http.MethodPost, "/actions/redeploy", redeployLogin)
	wantAnswer(
		t, status, body, http.StatusServiceUnavailable,
		"Nothing was done, because GitHub could not be asked whether you still may",
	)
	s.worker.change(func(w *worker) { w.gitHubAway = false })
	status, body = p.send(http.MethodPost, "/actions/redeploy", redeployLogin)
	wantAnswer(t, status, body, http.StatusOK)
	if taken := s.taker.taken(); taken != 1 {
		t.Errorf("%d requests were taken", taken)
	}
}

func TestAPersonWhoLosesThePermissionSeesNothing(t *testing.T) {
	s := newSite(t, nil)
	p := s.person(t, "ada")
	s.worker.change(func(w *worker) { delete(w.roles, "ada") })
	for _, path := range []string{
		"/", "/?tab=removed", "/environment?branch=main", "/confirm?branch=main", "/life?id=x", "/events",
	} {
		status, body := p.send(http.MethodGet, path, nil)
		wantAnswer(t, status, body, http.StatusForbidden, "ada may not read the repository")
		if strings.Contains(body, "feature/login") {
			t.Errorf("%s shows environments", path)
		}
	}
	// The earlier role is not used if GitHub does not answer later.
	s.worker.change(func(w *worker) { w.gitHubAway = true })
	status, body := p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusServiceUnavailable)
}

// TestReadersShareTheWorkersAnswers has many people open the page at once.
func TestReadersShareTheWorkersAnswers(t *testing.T) {
	s := newSite(t, signedInLocally)
	began := time.Now()
	done := make(chan int, 50)
	for range cap(done) {
		p := s.visitor(t)
		go func() {
			status, _ := p.send(http.MethodGet, "/", nil)
			done <- status
		}()
	}
	for range cap(done) {
		if status := <-done; status != http.StatusOK {
			t.Errorf("the page answers %d", status)
		}
	}
	most := 1 + int(time.Since(began)/sameFor)
	if asked := s.worker.times(readapi.PathOverview); asked > most+1 {
		t.Errorf("the worker was asked %d times, want at most %d", asked, most+1)
	}
}
