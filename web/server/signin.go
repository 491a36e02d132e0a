package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"perch/readapi"
	"perch/web/pages"
)

// gitHubTimeout is the time limit for GitHub's answers during sign-in.
const gitHubTimeout = 10 * time.Second

// oauth returns the OAuth configuration for signing in (GitHub docs: Authorizing OAuth apps). It
// requests no scope, because the token is only used to identify the person.
func (d *Dashboard) oauth() *oauth2.Config {
	pages := strings.TrimSuffix(d.GitHub.Pages, "/")
	return &oauth2.Config{
		ClientID: d.GitHub.ClientID, ClientSecret: d.GitHub.ClientSecret, RedirectURL: d.PublicURL.JoinPath("signin",
			"callback").String(),
		Endpoint: oauth2.Endpoint{
			AuthURL: pages + "/login/oauth/authorize", TokenURL: pages + "/login/oauth/access_token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// signIn redirects a person to GitHub.
func (d *Dashboard) signIn(w http.ResponseWriter, r *http.Request) *trouble {
	to := localPath(r.URL.Query().Get("to"))
	if d.GitHub == nil {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	begun := begunSignIn{state: rand.Text(), verifier: oauth2.GenerateVerifier(), to: to}
	d.keepSignIn(w, begun)
	challenge := oauth2.S256ChallengeOption(begun.verifier)
	http.Redirect(w, r, d.oauth().AuthCodeURL(begun.state, challenge), http.StatusSeeOther)
	return nil
}

// finishSignIn handles GitHub's redirect at the end of a sign-in.
func (d *Dashboard) finishSignIn(w http.ResponseWriter, r *http.Request) *trouble {
	if d.GitHub == nil {
		return noSuchPage()
	}
	ctx, query := r.Context(), r.URL.Query()
	begun := d.popSignIn(w, r)
	if begun.state == "" || subtle.ConstantTimeCompare([]byte(begun.state), []byte(query.Get("state"))) != 1 {
		return d.notSignedIn(http.StatusBadRequest, "The sign-in took too long, or was begun in another browser. Sign "+
			"in again.")
	}
	if problem := query.Get("error"); problem != "" {
		if problem == "access_denied" {
			return d.notSignedIn(http.StatusForbidden, "You did not let GitHub tell this dashboard who you are.")
		}
		return d.notSignedIn(http.StatusBadGateway, fmt.Sprintf("GitHub did not sign you in (%.100s). "+
			"Those who run this dashboard find in docs/dashboard.md how the OAuth app is set up.", problem))
	}
	login, err := d.whoIs(ctx, query.Get("code"), begun.verifier)
	if err != nil {
		d.Logger.Warn("sign-in failed", "error", err)
		return d.notSignedIn(
			http.StatusBadGateway, fmt.Sprintf("GitHub did not say who you are: %v. Sign in again.", err),
		)
	}
	role, err := d.roleAtSignIn(ctx, login)
	if err != nil {
		return unknownRole(err)
	}
	d.people.enter(login, role, time.Now())
	d.auditSignIn(pages.Viewer{Login: login, Role: role})
	if !slices.Contains(reading, role) {
		return d.noAccess(login)
	}
	if err := d.enter(r, login); err != nil {
		return broken(err)
	}
	http.Redirect(w, r, localPath(begun.to), http.StatusSeeOther)
	return nil
}

// roleAtSignIn returns the person's role. It requests a fresh role from GitHub only if the known
// one does not suffice, because anyone with an account can sign in again and again.
func (d *Dashboard) roleAtSignIn(ctx context.Context, login string) (string, error) {
	role, err := d.role(ctx, login, false)
	if err != nil || slices.Contains(reading, role) {
		return role, err
	}
	now, err := d.role(ctx, login, true)
	var answered *readapi.Error
	if errors.As(err, &answered) && answered.Status == http.StatusTooManyRequests {
		return role, nil
	}
	return now, err
}

func (d *Dashboard) notSignedIn(status int, sentence string) *trouble {
	return &trouble{
		status: status, title: "Not signed in", sentence: sentence, back: "/signin", backText: "Sign in with GitHub",
	}
}

// whoIs exchanges the code for a token and returns the login of the token's owner. It does not keep
// the token.
func (d *Dashboard) whoIs(ctx context.Context, code, verifier string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitHubTimeout)
	defer cancel()
	token, err := d.oauth().Exchange(ctx, code, oauth2.VerifierOption(verifier))
	var rejected *oauth2.RetrieveError
	if errors.As(err, &rejected) && rejected.ErrorCode != "" {
		return "", fmt.Errorf("exchange the code: %s", strings.TrimSuffix(rejected.ErrorDescription, "."))
	}
	if err != nil {
		return "", fmt.Errorf("exchange the code: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(d.GitHub.API, "/")+"/user", nil)
	if err != nil {
		return "", fmt.Errorf("read the user: %w", err)
	}
	token.SetAuthHeader(request)
	request.Header.Set("Accept", "application/vnd.github+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("read the user: %w", err)
	}
	defer response.Body.Close()
	var user struct {
		Login string `json:"login"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&user)
	if response.StatusCode != http.StatusOK || err != nil || !wholeLogin.MatchString(user.Login) {
		return "", fmt.Errorf("read the user: GitHub answers %s", response.Status)
	}
	return user.Login, nil
}

// signOut ends the session.
func (d *Dashboard) signOut(w http.ResponseWriter, r *http.Request) *trouble {
	login := d.sessions.GetString(r.Context(), keyLogin)
	if err := d.sessions.Destroy(r.Context()); err != nil {
		return broken(err)
	}
	if login != "" {
		d.audit("sign-out", pages.Viewer{Login: login}, "outcome", "done")
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// longestPath is the maximum length, in bytes, of a path to which a sign-in returns. The browser
// keeps the path in a cookie of at most 4,096 bytes (RFC 6265).
const longestPath = 2048

// localPath returns address if it is a path of the dashboard, and / otherwise.
func localPath(address string) string {
	read, err := url.Parse(address)
	if err != nil || len(address) > longestPath || read.IsAbs() || read.Host != "" || !strings.HasPrefix(address,
		"/") || strings.HasPrefix(address, "//") ||
		strings.ContainsAny(address, "\\\r\n\t") || strings.HasPrefix(read.Path, "/signin") {
		return "/"
	}
	return address
}
