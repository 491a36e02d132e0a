package github

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	api "github.com/google/go-github/v60/github"
)

// Credentials are a token, or a GitHub App that is installed in the repository. Both need only the
// permission "Contents: read".
type Credentials struct {
	// Token is a personal access token; empty for an App.
	Token string
	// App is the App's id. Installation is the id of its installation in the organization or
	// account that owns the repository.
	App, Installation int64
	// PrivateKey is the App's private key, as GitHub issues it (PEM).
	PrivateKey []byte
}

// CredentialsFrom reads GITHUB_TOKEN, or GITHUB_APP_ID, GITHUB_APP_INSTALLATION_ID and the private
// key, which is in GITHUB_APP_PRIVATE_KEY or in the file that GITHUB_APP_PRIVATE_KEY_FILE names. It
// is an error if there are none: without credentials GitHub answers only 60 requests an hour and
// shows no private repositories.
func CredentialsFrom(env func(string) string) (Credentials, error) {
	token, app := strings.TrimSpace(env("GITHUB_TOKEN")), env("GITHUB_APP_ID")
	switch {
	case token != "" && app != "":
		return Credentials{}, errors.New(
			"read GitHub credentials: both GITHUB_TOKEN and GITHUB_APP_ID are set; keep the one that is meant",
		)
	case token != "":
		return Credentials{Token: token}, nil
	case app == "":
		return Credentials{}, errors.New("read GitHub credentials: there are none; set GITHUB_TOKEN to a token that " +
			"may read the repository's contents, " +
			"or GITHUB_APP_ID, GITHUB_APP_INSTALLATION_ID and GITHUB_APP_PRIVATE_KEY_FILE")
	}
	c, err := appCredentials(env)
	if err != nil {
		return Credentials{}, fmt.Errorf("read GitHub credentials: %w", err)
	}
	return c, nil
}

func appCredentials(env func(string) string) (Credentials, error) {
	app, err := number(env, "GITHUB_APP_ID")
	if err != nil {
		return Credentials{}, err
	}
	installation, err := number(env, "GITHUB_APP_INSTALLATION_ID")
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{App: app, Installation: installation}
	if key := env("GITHUB_APP_PRIVATE_KEY"); key != "" {
		c.PrivateKey = []byte(key)
		return c, nil
	}
	file := env("GITHUB_APP_PRIVATE_KEY_FILE")
	if file == "" {
		return Credentials{}, errors.New(
			"GITHUB_APP_ID is set, and neither GITHUB_APP_PRIVATE_KEY_FILE nor GITHUB_APP_PRIVATE_KEY",
		)
	}
	key, err := os.ReadFile(file)
	if err != nil {
		return Credentials{}, fmt.Errorf("read GITHUB_APP_PRIVATE_KEY_FILE: %w", err)
	}
	c.PrivateKey = key
	return c, nil
}

func number(env func(string) string, name string) (int64, error) {
	id, err := strconv.ParseInt(env(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%s must be a number, not %q", name, env(name))
	}
	return id, nil
}

// transport adds the credentials to every request to the API at base, an address without a slash at
// its end.
func (c Credentials) transport(below http.RoundTripper, base string) (http.RoundTripper, error) {
	if c.Token != "" {
		return bearer{token: c.Token, below: below}, nil
	}
	transport, err := ghinstallation.New(below, c.App, c.Installation, c.PrivateKey)
	if err != nil {
		// The parser's message is left out, because it may contain a part of the key.
		return nil, errors.New(
			"the GitHub App's private key cannot be read: it must be the PEM file that GitHub issued",
		)
	}
	transport.BaseURL = base
	return transport, nil
}

// asApp returns a client that makes requests as the App, and not as its installation.
func (c Credentials) asApp(client *api.Client) (*api.Client, error) {
	transport, err := ghinstallation.NewAppsTransport(patient(), c.App, c.PrivateKey)
	if err != nil {
		return nil, errors.New(
			"the GitHub App's private key cannot be read: it must be the PEM file that GitHub issued",
		)
	}
	return beside(client, &http.Client{Transport: transport, CheckRedirect: stay}), nil
}

func (c Credentials) secrets() []string {
	if c.Token == "" {
		return nil
	}
	return []string{c.Token}
}

type bearer struct {
	token string
	below http.RoundTripper
}

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+b.token)
	return b.below.RoundTrip(request)
}
