package github

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// oauthPrefix is the prefix of the paths where people sign in to an OAuth app.
const oauthPrefix = "/login/oauth/"

// codeLife is how long a code is valid (GitHub docs: Authorizing OAuth apps).
const codeLife = 10 * time.Minute

// OAuthApp is an OAuth app, through which people sign in to another site.
type OAuthApp struct {
	ClientID, ClientSecret string
	// Callback is the URL to which GitHub sends people after they have signed in.
	Callback string
}

// oauthCode is the record of an authorization code, which the server gives to a person's browser.
// The app exchanges the code for a token.
type oauthCode struct {
	login, redirect, challenge string
	until                      time.Time
}

// RegisterOAuthApp registers the app. It replaces the app that was registered before.
func (s *Server) RegisterOAuthApp(app OAuthApp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oauthApp = &app
}

// serveOAuth implements the flow of OAuth apps: the page where a person authorizes the app, and the
// exchange of its code for a token.
func (s *Server) serveOAuth(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	app := s.oauthApp
	s.mu.Unlock()
	switch step := strings.TrimPrefix(r.URL.Path, oauthPrefix); {
	case step == "authorize" && r.Method == http.MethodGet:
		s.showAuthorizePage(w, r, app)
	case step == "authorize" && r.Method == http.MethodPost:
		s.finishAuthorization(w, r, app)
	case step == "access_token" && r.Method == http.MethodPost:
		s.exchangeCode(w, r, app)
	default:
		http.NotFound(w, r)
	}
}

// showAuthorizePage shows the page where a person authorizes the app or cancels. The person also
// enters a login there, because the imitation has no sign-in.
func (s *Server) showAuthorizePage(w http.ResponseWriter, r *http.Request, app *OAuthApp) {
	query := r.URL.Query()
	name, _ := s.identity()
	if app == nil || query.Get("client_id") != app.ClientID {
		writePage(w, http.StatusNotFound, "missing", map[string]string{"Repository": name, "Path": r.URL.Path})
		return
	}
	redirect, ok := app.redirect(query.Get("redirect_uri"))
	if !ok {
		redirectToApp(w, r, app.Callback, url.Values{
			"error": {"redirect_uri_mismatch"}, "state": {query.Get("state")},
			"error_description": {"The redirect_uri MUST match the registered callback URL for this application."},
		})
		return
	}
	writePage(w, http.StatusOK, "authorize", map[string]string{
		"ClientID": app.ClientID, "Redirect": redirect, "State": query.Get("state"),
		"Challenge": query.Get("code_challenge"),
	})
}

// redirect returns the URL to which GitHub sends the person back. Its host must be the callback's
// host, and its path the callback's path or below it (GitHub docs: Authorizing OAuth apps, Redirect
// URLs).
func (app *OAuthApp) redirect(asked string) (string, bool) {
	if asked == "" {
		return app.Callback, true
	}
	given, err := url.Parse(asked)
	callback, _ := url.Parse(app.Callback)
	if err != nil || given.Scheme != callback.Scheme || given.Host != callback.Host {
		return "", false
	}
	return asked, given.Path == callback.Path || strings.HasPrefix(given.Path, strings.TrimSuffix(callback.Path,
		"/")+"/")
}

// finishAuthorization reads the form of the page, and redirects the browser to the app with a code
// or an error.
func (s *Server) finishAuthorization(w http.ResponseWriter, r *http.Request, app *OAuthApp) {
	text := r.PostFormValue
	redirect, ok := "", false
	if app != nil && text("client_id") == app.ClientID {
		redirect, ok = app.redirect(text("redirect_uri"))
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	if text("authorize") != "yes" || text("login") == "" {
		redirectToApp(w, r, redirect, url.Values{
			"error": {"access_denied"}, "state": {text("state")},
			"error_description": {"The user has denied your application access."},
		})
		return
	}
	code := strings.ToLower(rand.Text())[:20]
	s.mu.Lock()
	s.codes[code] = oauthCode{
		login: text("login"), redirect: redirect, challenge: text("code_challenge"),
		until: s.config.Now().Add(codeLife),
	}
	s.mu.Unlock()
	redirectToApp(w, r, redirect, url.Values{"code": {code}, "state": {text("state")}})
}

func redirectToApp(w http.ResponseWriter, r *http.Request, address string, answer url.Values) {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	http.Redirect(w, r, address+separator+answer.Encode(), http.StatusFound)
}

// exchangeCode exchanges a code for a token. Errors also have the status 200 (GitHub docs:
// Troubleshooting OAuth app access token request errors).
func (s *Server) exchangeCode(w http.ResponseWriter, r *http.Request, app *OAuthApp) {
	text := r.PostFormValue
	s.mu.Lock()
	code, known := s.codes[text("code")]
	delete(s.codes, text("code")) // A code can be exchanged once.
	s.mu.Unlock()
	answer := url.Values{}
	fail := func(problem, description string) {
		answer.Set("error", problem)
		answer.Set("error_description", description)
	}
	switch {
	case app == nil || text("client_id") != app.ClientID || text("client_secret") != app.ClientSecret:
		fail("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
	case !known || s.config.Now().After(code.until) || !code.verifiedBy(text("code_verifier")):
		fail("bad_verification_code", "The code passed is incorrect or expired.")
	case text("redirect_uri") != "" && text("redirect_uri") != code.redirect:
		fail("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
	default:
		token := "gho_" + rand.Text()
		s.Grant(token, Access{Login: code.login})
		answer.Set("access_token", token)
		answer.Set("scope", "")
		answer.Set("token_type", "bearer")
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		object := map[string]string{}
		for name := range answer {
			object[name] = answer.Get(name)
		}
		reply(w, http.StatusOK, object)
		return
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = w.Write([]byte(answer.Encode()))
}

// verifiedBy reports whether the verifier matches the code's challenge (RFC 7636, S256). A code
// without a challenge matches every verifier.
func (c oauthCode) verifiedBy(verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	proof := base64.RawURLEncoding.EncodeToString(sum[:])
	return c.challenge == "" || subtle.ConstantTimeCompare([]byte(proof), []byte(c.challenge)) == 1
}
