package github_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"perch/sandbox/github"
)

// TestOAuthSignIn signs a person in with the OAuth client of another project, golang.org/x/oauth2.
func TestOAuthSignIn(t *testing.T) {
	const callback = "https://perch.example.com/signin/callback"
	app := github.OAuthApp{ClientID: "Ov23li", ClientSecret: "very-secret", Callback: callback}
	for name, test := range map[string]struct {
		change func(flow *oauth2.Config, verifier *string)
		later  time.Duration
		answer string
		login  string
		fails  string
	}{
		"a person who authorizes the app is signed in":    {answer: "yes", login: "ana"},
		"a person who cancels is sent back with an error": {answer: "no", fails: "access_denied"},
		"a wrong secret gets no token": {
			answer: "yes", fails: "incorrect_client_credentials",
			change: func(c *oauth2.Config, _ *string) { c.ClientSecret = "other" },
		},
		"a wrong verifier gets no token": {
			answer: "yes", fails: "bad_verification_code", change: func(_ *oauth2.Config, v *string) { *v += "x" },
		},
		"a code expires after ten minutes": {answer: "yes", fails: "bad_verification_code", later: 11 * time.Minute},
		"a callback of another host gets no code": {
			answer: "yes", fails: "redirect_uri_mismatch",
			change: func(c *oauth2.Config, _ *string) { c.RedirectURL = "https://evil.example.com/" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.RegisterOAuthApp(app)
			verifier := oauth2.GenerateVerifier()
			flow := &oauth2.Config{
				ClientID: app.ClientID, ClientSecret: app.ClientSecret, RedirectURL: callback,
				Endpoint: oauth2.Endpoint{
					AuthURL: h.URL + "/login/oauth/authorize", TokenURL: h.URL + "/login/oauth/access_token",
					AuthStyle: oauth2.AuthStyleInParams,
				},
			}
			challenge := oauth2.S256ChallengeOption(verifier)
			if test.change != nil {
				test.change(flow, &verifier)
			}
			address := flow.AuthCodeURL("the-state", challenge)
			returned := authorize(t, address, test.answer)
			if returned.Get("state") != "the-state" {
				t.Errorf("the redirect has the state %q", returned.Get("state"))
			}
			h.advance(test.later)
			problem := returned.Get("error")
			if problem == "" {
				token, err := flow.Exchange(t.Context(), returned.Get("code"), oauth2.VerifierOption(verifier))
				var rejected *oauth2.RetrieveError
				switch {
				case errors.As(err, &rejected):
					problem = rejected.ErrorCode
				case err != nil:
					t.Fatal(err)
				default:
					if login := tokenLogin(t.Context(), t, h.URL, token); login != test.login {
						t.Errorf("the token belongs to %q", login)
					}
					if _, err := flow.Exchange(
						t.Context(), returned.Get("code"), oauth2.VerifierOption(verifier),
					); err == nil {
						t.Error("the code was exchanged twice")
					}
				}
			}
			if problem != test.fails {
				t.Errorf("the sign-in ended with the error %q, want %q", problem, test.fails)
			}
		})
	}
}

// authorize opens the page where a person authorizes the app, submits its form with answer, and
// returns the query of the URL to which the browser is redirected.
func authorize(t *testing.T, address, answer string) url.Values {
	t.Helper()
	browser := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	opened, err := browser.Get(address)
	must(t, err)
	opened.Body.Close()
	asked, err := url.Parse(address)
	must(t, err)
	if opened.StatusCode == http.StatusOK {
		query := asked.Query()
		opened, err = browser.PostForm(asked.Scheme+"://"+asked.Host+asked.Path, url.Values{
			"client_id": query["client_id"], "redirect_uri": query["redirect_uri"], "state": query["state"],
			"code_challenge": query["code_challenge"], "login": {"ana"}, "authorize": {answer},
		})
		must(t, err)
		opened.Body.Close()
	}
	location, err := opened.Location()
	must(t, err)
	if location.Host != "perch.example.com" {
		t.Fatalf("the browser is sent to %s", location)
	}
	return location.Query()
}

// tokenLogin returns the login of the person to whom the token belongs.
func tokenLogin(ctx context.Context, t *testing.T, base string, token *oauth2.Token) string {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v3/user", nil)
	must(t, err)
	token.SetAuthHeader(request)
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	var user struct{ Login string }
	must(t, json.NewDecoder(response.Body).Decode(&user))
	return user.Login
}
