package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"perch/sandbox/github"
)

func TestAPersonSignsInWithGitHubAndComesToTheWantedPage(t *testing.T) {
	s := newSite(t, nil)
	p := s.visitor(t)
	status, body := p.send(http.MethodGet, "/environment?branch=feature%2Flogin", nil)
	wantAnswer(
		t, status, body, http.StatusUnauthorized, "Sign in", "/signin?to=%2Fenvironment%3Fbranch%3Dfeature%252Flogin",
	)
	status, body = p.signIn("ana", "/environment?branch=feature%2Flogin")
	wantAnswer(t, status, body, http.StatusOK, "feature/login", "ana")
	if log := s.log.String(); !strings.Contains(log, "msg=sign-in who=ana role=write outcome=done") {
		t.Errorf("the log does not say who signed in: %s", log)
	}
	err := s.sessions.Iterate(t.Context(), func(ctx context.Context) error {
		for _, key := range s.sessions.Keys(ctx) {
			if value, _ := s.sessions.Get(ctx, key).(string); strings.HasPrefix(value, "gho_") {
				t.Errorf("the session keeps GitHub's token as %s", key)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	status, body = p.send(http.MethodPost, "/signout", nil)
	wantAnswer(t, status, body, http.StatusUnauthorized, "Sign in")
}

func TestASessionGetsANewTokenWhenAPersonSignsIn(t *testing.T) {
	s := newSite(t, nil)
	p := s.visitor(t)
	public, _ := url.Parse(s.url)
	token := func() string {
		for _, cookie := range p.Jar.Cookies(public) {
			if cookie.Name == "perch" {
				return cookie.Value
			}
		}
		return ""
	}
	p.Jar.SetCookies(public, []*http.Cookie{{Name: "perch", Value: "planted", Path: "/"}})
	p.signIn("ana", "/")
	first := token()
	p.signIn("ada", "/")
	if second := token(); first == "" || second == "" || first == "planted" || first == second {
		t.Errorf("the session's tokens are %q and %q", first, second)
	}
}

// sessionCount returns how many sessions the dashboard stores.
func (s *site) sessionCount(t *testing.T) (n int) {
	t.Helper()
	if err := s.sessions.Iterate(t.Context(), func(context.Context) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNothingIsKeptForPeopleWhoHaveNotSignedIn(t *testing.T) {
	t.Run("GitHub", func(t *testing.T) {
		s := newSite(t, nil)
		for range 10 {
			p := s.visitor(t)
			p.send(http.MethodGet, "/", nil)
			if _, err := p.Get(s.url + "/signin?to=/environment?branch=" + strings.Repeat("x", 5000)); err != nil {
				t.Fatal(err)
			}
			p.send(http.MethodGet, "/signin/callback?code=x&state=y", nil)
		}
		if kept := s.sessionCount(t); kept != 0 {
			t.Errorf("%d sessions are kept", kept)
		}
	})
	t.Run("proxy", func(t *testing.T) {
		s := newSite(t, behindProxy)
		for range 10 {
			p := s.visitor(t)
			p.header.Set("X-Forwarded-User", "ana")
			status, body := p.send(http.MethodGet, "/", nil)
			wantAnswer(t, status, body, http.StatusOK)
		}
		if kept := s.sessionCount(t); kept != 0 {
			t.Errorf("%d sessions are kept", kept)
		}
	})
}

func TestOnlySoManyPeopleAreRemembered(t *testing.T) {
	p, now := newPeople(), time.Now()
	for i := range 3 * mostPeople {
		if isNew := p.enter(fmt.Sprint("person-", i), "read", now); !isNew {
			t.Errorf("person %d is known", i)
		}
	}
	if len(p.known) > mostPeople {
		t.Errorf("%d people are remembered", len(p.known))
	}
}

// TestASignInAsksGitHubAfreshOnlyIfThatCanHelp signs in again and again.
func TestASignInAsksGitHubAfreshOnlyIfThatCanHelp(t *testing.T) {
	s := newSite(t, nil)
	for range 3 {
		s.person(t, "rita")
	}
	if asked := s.worker.times("/v1/permission?fresh=true"); asked != 0 {
		t.Errorf("it was asked %d times for a person who may read", asked)
	}
	status, body := s.visitor(t).signIn("stranger", "/")
	wantAnswer(t, status, body, http.StatusForbidden, "stranger may not read")
	if asked := s.worker.times("/v1/permission?fresh=true"); asked != 1 {
		t.Errorf("it was asked %d times for a person who may not", asked)
	}
	s.worker.change(func(w *worker) { w.tooOften = true })
	status, body = s.visitor(t).signIn("stranger", "/")
	wantAnswer(t, status, body, http.StatusForbidden, "stranger may not read")
}

func TestEachWayToSignInIsLoggedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Settings)
		person func(s *site) *person
		want   string
	}{
		"GitHub": {nil, func(s *site) *person { return s.person(t, "ana") },
			"msg=sign-in who=ana role=write outcome=done"},
		"proxy": {behindProxy, func(s *site) *person {
			p := s.visitor(t)
			p.header.Set("X-Forwarded-User", "ana")
			return p
		}, "msg=sign-in who=ana role=write outcome=done"},
		"proxy, no access": {behindProxy, func(s *site) *person {
			p := s.visitor(t)
			p.header.Set("X-Forwarded-User", "stranger")
			return p
		}, "msg=sign-in who=stranger role=none outcome=rejected"},
		"local": {signedInLocally, func(s *site) *person { return s.visitor(t) },
			"msg=sign-in who=you role=admin outcome=done"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, c.change)
			p := c.person(s)
			for range 3 {
				p.send(http.MethodGet, "/", nil)
			}
			if log := s.log.String(); strings.Count(log, "msg=sign-in") != 1 || !strings.Contains(log, c.want) {
				t.Errorf("the log does not have %q once: %s", c.want, log)
			}
		})
	}
}

// TestARequestInFlightDoesNotUndoASignOut signs out while an action is carried out, whose end
// changes the session.
func TestARequestInFlightDoesNotUndoASignOut(t *testing.T) {
	s := newSite(t, nil)
	s.taker.entered, s.taker.goOn = make(chan struct{}), make(chan struct{})
	p := s.person(t, "ada")
	public, _ := url.Parse(s.url)
	before := p.Jar.Cookies(public)
	acted := make(chan int, 1)
	go func() {
		status, _ := p.send(http.MethodPost, "/actions/approve", url.Values{"hash": {planOfTest}})
		acted <- status
	}()
	<-s.taker.entered
	p.send(http.MethodPost, "/signout", nil)
	close(s.taker.goOn)
	<-acted
	if log := s.log.String(); !strings.Contains(log, "msg=action") {
		t.Errorf("the log says %s", log)
	}
	thief := s.visitor(t)
	thief.Jar.SetCookies(public, before)
	status, body := thief.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusUnauthorized, "Sign in")
}

func TestASignInThatDoesNotSucceedSaysWhy(t *testing.T) {
	for name, test := range map[string]struct {
		do     func(p *person) (int, string)
		status int
		says   string
	}{
		"no access to the repository": {func(p *person) (int, string) { return p.signIn("stranger", "/") },
			http.StatusForbidden, "stranger may not read the repository of project shop"},
		"GitHub is away when the permission is asked": {func(p *person) (int, string) {
			p.site.worker.change(func(w *worker) { w.gitHubAway = true })
			return p.signIn("ana", "/")
		}, http.StatusServiceUnavailable, "could not be asked"},
		"another secret": {func(p *person) (int, string) {
			p.site.GitHub.ClientSecret = "other"
			return p.signIn("ana", "/")
		}, http.StatusBadGateway, "The client_id and/or client_secret passed are incorrect"},
		"GitHub fails when it is asked who this is": {func(p *person) (int, string) {
			p.site.github.Inject(github.Fault{
				Route: "GET /user", Answer: github.Answer(http.StatusInternalServerError, "Oops"),
			})
			return p.signIn("ana", "/")
		}, http.StatusBadGateway, "GitHub answers 500"},
		"another person's state": {func(p *person) (int, string) {
			if _, err := p.Get(p.site.url + "/signin"); err != nil {
				p.t.Fatal(err)
			}
			return p.send(http.MethodGet, "/signin/callback?code=x&state=forged", nil)
		}, http.StatusBadRequest, "The sign-in took too long, or was begun in another browser"},
		"no sign-in was begun": {
			func(p *person) (int, string) { return p.send(http.MethodGet, "/signin/callback?code=x&state=", nil) },
			http.StatusBadRequest, "The sign-in took too long",
		},
		"a person who does not want to": {func(p *person) (int, string) {
			response, err := p.Get(p.site.url + "/signin")
			if err != nil {
				p.t.Fatal(err)
			}
			state := response.Request.URL.Query().Get("state")
			return p.send(http.MethodGet, "/signin/callback?error=access_denied&state="+state, nil)
		}, http.StatusForbidden, "You did not let GitHub tell this dashboard who you are"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newSite(t, nil).visitor(t)
			status, body := test.do(p)
			wantAnswer(t, status, body, test.status, test.says)
			status, body = p.send(http.MethodGet, "/", nil)
			wantAnswer(t, status, body, http.StatusUnauthorized)
		})
	}
}

func TestASignInLeadsOnlyToPagesOfTheDashboard(t *testing.T) {
	for address, want := range map[string]string{
		"/environment?branch=a%2Fb": "/environment?branch=a%2Fb", "https://evil.example.com/": "/",
		"//evil.example.com": "/", "/" + strings.Repeat("x", longestPath): "/",
		"/\\evil.example.com": "/", "": "/", "evil": "/", "/signin": "/", "javascript:alert(1)": "/",
	} {
		if got := localPath(address); got != want {
			t.Errorf("%q leads to %q, want %q", address, got, want)
		}
	}
}

func TestSessionCookiesBelongToTheDashboardAlone(t *testing.T) {
	for public, want := range map[string][]string{
		"https://perch.example.com": {"__Host-perch=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"},
		"http://127.0.0.1:8090":     {"perch=", "Path=/", "HttpOnly", "SameSite=Lax"},
	} {
		s := newSite(t, func(settings *Settings) { settings.PublicURL, _ = url.Parse(public) })
		request := httptest.NewRequest(http.MethodGet, "/signin", nil)
		request.Host = s.PublicURL.Host
		answer := httptest.NewRecorder()
		s.Dashboard.ServeHTTP(answer, request)
		session := httptest.NewRecorder()
		s.sessions.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if err := s.enter(r, "ana"); err != nil {
				t.Error(err)
			}
		})).ServeHTTP(session, request)
		for name, cookie := range map[string]string{
			want[0]: session.Header().Get("Set-Cookie"),
			strings.Replace(want[0], "=", "-sign-in=", 1): answer.Header().Get("Set-Cookie"),
		} {
			for _, attribute := range want[1:] {
				if !strings.Contains(cookie, attribute) {
					t.Errorf("the cookie of %s has no %s: %s", public, attribute, cookie)
				}
			}
			if !strings.HasPrefix(cookie, name) || strings.Contains(cookie, "Domain=") {
				t.Errorf("the cookie of %s is %s", public, cookie)
			}
		}
	}
}

func TestOnlyTheProxyNamesPeople(t *testing.T) {
	s := newSite(t, behindProxy)
	p := s.visitor(t)
	status, body := p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusUnauthorized, "did not name one GitHub login in the header X-Forwarded-User")
	p.header.Set("X-Forwarded-User", "ana")
	status, body = p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusOK, "ana")
	p.header["X-Forwarded-User"] = []string{"ana", "ada"}
	status, body = p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusUnauthorized)
	p.header.Set("X-Forwarded-User", "ana <script>")
	status, body = p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusUnauthorized)

	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Host, request.RemoteAddr = s.PublicURL.Host, "192.0.2.7:4711"
	request.Header.Set("X-Forwarded-User", "ada")
	answer := httptest.NewRecorder()
	s.Dashboard.ServeHTTP(answer, request)
	wantAnswer(t, answer.Code, answer.Body.String(), http.StatusForbidden, "came from another address")
}

// TestTheHeaderOfAProxyCountsInNoOtherMode sends the header to a dashboard where people sign in
// with GitHub.
func TestTheHeaderOfAProxyCountsInNoOtherMode(t *testing.T) {
	p := newSite(t, nil).visitor(t)
	p.header.Set("X-Forwarded-User", "ada")
	status, body := p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusUnauthorized)
}

// TestARoleIsNotInheritedFromWhoUsedTheBrowserBefore changes the person whom the proxy names.
func TestARoleIsNotInheritedFromWhoUsedTheBrowserBefore(t *testing.T) {
	s := newSite(t, behindProxy)
	p := s.visitor(t)
	p.header.Set("X-Forwarded-User", "ada")
	p.send(http.MethodGet, "/", nil)
	s.worker.change(func(w *worker) { w.gitHubAway = true })
	status, body := p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusOK)
	p.header.Set("X-Forwarded-User", "stranger")
	status, body = p.send(http.MethodGet, "/", nil)
	wantAnswer(t, status, body, http.StatusServiceUnavailable, "could not be asked")
}
