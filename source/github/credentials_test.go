package github

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	hub "perch/sandbox/github"
	"perch/source"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestCredentialsComeFromTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	must(t, os.WriteFile(file, []byte("KEY"), 0o600))
	for name, test := range map[string]struct {
		env  func(string) string
		want Credentials
	}{
		"a token": {environment("GITHUB_TOKEN", "t0\n"), Credentials{Token: "t0"}},
		"an App": {
			environment("GITHUB_APP_ID", "7", "GITHUB_APP_INSTALLATION_ID", "8", "GITHUB_APP_PRIVATE_KEY", "KEY"),
			Credentials{App: 7, Installation: 8, PrivateKey: []byte("KEY")},
		},
		"an App's file": {
			environment("GITHUB_APP_ID", "7", "GITHUB_APP_INSTALLATION_ID", "8", "GITHUB_APP_PRIVATE_KEY_FILE", file),
			Credentials{App: 7, Installation: 8, PrivateKey: []byte("KEY")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := CredentialsFrom(test.env)
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
		})
	}
}

func TestS67CredentialsThatAreMissingOrWrong(t *testing.T) {
	for name, test := range map[string]struct {
		env  func(string) string
		want string
	}{
		"none": {environment(), "there are none; set GITHUB_TOKEN to a token that may read the " +
			"repository's contents, or GITHUB_APP_ID, GITHUB_APP_INSTALLATION_ID and GITHUB_APP_PRIVATE_KEY_FILE"},
		"both": {
			environment("GITHUB_TOKEN", "t0", "GITHUB_APP_ID", "7"),
			"both GITHUB_TOKEN and GITHUB_APP_ID are set; keep the one that is meant",
		},
		"a name":          {environment("GITHUB_APP_ID", "perch"), `GITHUB_APP_ID must be a number, not "perch"`},
		"no installation": {environment("GITHUB_APP_ID", "7"), `GITHUB_APP_INSTALLATION_ID must be a number, not ""`},
		"no key": {
			environment("GITHUB_APP_ID", "7", "GITHUB_APP_INSTALLATION_ID", "8"),
			"GITHUB_APP_ID is set, and neither GITHUB_APP_PRIVATE_KEY_FILE nor GITHUB_APP_PRIVATE_KEY",
		},
		"no file": {environment(
			"GITHUB_APP_ID", "7", "GITHUB_APP_INSTALLATION_ID", "8", "GITHUB_APP_PRIVATE_KEY_FILE", "/nowhere/key.pem",
		), "read GITHUB_APP_PRIVATE_KEY_FILE: open /nowhere/key.pem: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := CredentialsFrom(test.env)
			if want := "read GitHub credentials: " + test.want; err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestWhatIsWrongWithARepository(t *testing.T) {
	for name, test := range map[string]struct {
		settings    perch.GitHubSource
		credentials Credentials
		want        string
	}{
		"no owner": {
			perch.GitHubSource{Repository: "shop"}, Credentials{Token: "t0"},
			`open GitHub repository "shop": its name must be owner/name`,
		},
		"a key": {perch.GitHubSource{Repository: "acme/shop"}, Credentials{
			App: 1, Installation: 2, PrivateKey: []byte("secret"),
		}, "open GitHub repository acme/shop: the GitHub App's private key cannot be read: it must be the PEM file " +
			"that GitHub issued"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(test.settings, test.credentials); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestOnGitHubComTheAPIHasASeparateHost(t *testing.T) {
	for base, want := range map[string]string{
		"": "https://api.github.com/", "https://git.acme.com": "https://git.acme.com/api/v3/",
		"https://git.acme.com/api/v3/": "https://git.acme.com/api/v3/",
		"https://api.acme.ghe.com":     "https://api.acme.ghe.com/",
	} {
		r, err := Open(perch.GitHubSource{Repository: "acme/shop", BaseURL: base}, Credentials{Token: "t0"})
		if err != nil || r.client.BaseURL.String() != want {
			t.Errorf("%s: got %s, %v", base, r.client.BaseURL, err)
		}
	}
}

// app opens the repository as App 7 with its installation 8. Its tokens are valid for a minute
// longer than the client requires.
func app(t *testing.T, server *hub.Server, status int) *Repository {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	server.Intercept(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || r.URL.Path != "/api/v3/app/installations/8/access_tokens" {
				next.ServeHTTP(w, r)
				return
			}
			if err := signed(r, &key.PublicKey); err != nil {
				t.Error(err)
			}
			w.WriteHeader(status)
			fmt.Fprintf(
				w, `{"token":"of-the-installation","expires_at":"%s"}`,
				time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
			)
		})
	})
	server.Accept(hub.Token, false)
	server.Accept("of-the-installation", true)
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	r, err := Open(
		perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL},
		Credentials{App: 7, Installation: 8, PrivateKey: pemKey},
	)
	must(t, err)
	return r
}

// signed checks that the request comes from the App itself, with a token that it signed.
func signed(r *http.Request, key *rsa.PublicKey) error {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	cut := strings.LastIndex(token, ".")
	if cut < 0 {
		return fmt.Errorf("%q is not a signed token", token)
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(token[:cut]))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}

func TestAnAppReadsByATokenOfItsInstallation(t *testing.T) {
	server := withBranches(t, names(150))
	r := app(t, server, http.StatusCreated)
	mustList(t, r, names(150))
	mustList(t, r, names(150))
	if calls := server.Calls(); len(calls) != 5 {
		t.Errorf("one token for all requests, but asked %v", calls)
	}
}

func TestS67AnAppWithoutItsInstallationIsRejected(t *testing.T) {
	for status, want := range map[int]string{
		401: "expired, revoked or mistyped", 404: "the App is not installed there", 403: `"Contents: read"`,
	} {
		_, complete, err := app(t, withBranches(t, names(2)), status).Branches(t.Context())
		if rejected := new(source.Rejected); complete || !errors.As(err, &rejected) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v, %v", status, complete, err)
		}
	}
	_, complete, err := app(t, withBranches(t, names(2)), 503).Branches(t.Context())
	if rejected := new(source.Rejected); complete || err == nil || errors.As(err, &rejected) {
		t.Errorf("503: got %v, %v", complete, err)
	}
}

func TestAnAppKnowsWhoItIsAndWhatItMayDo(t *testing.T) {
	server := withBranches(t, map[string]string{"main": hash(1)})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	may := hub.Without("statuses")
	server.Install(hub.App{ID: 7, Installation: 8, Slug: "perch", Key: &key.PublicKey, Permissions: may})
	secret := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	settings := perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL}
	repository, err := Open(settings, Credentials{App: 7, Installation: 8, PrivateKey: secret})
	if err != nil {
		t.Fatal(err)
	}
	login, err := repository.Login(t.Context())
	if err != nil || login != "perch[bot]" {
		t.Errorf("login %q, %v", login, err)
	}
	granted, err := repository.Permissions(t.Context())
	want := map[string]string{"deployments": "write", "pull_requests": "write", "statuses": ""}
	if diff := cmp.Diff(want, granted); diff != "" || err != nil {
		t.Errorf("%v; permissions (-want +got):\n%s", err, diff)
	}
	if granted, err = open(t, server).Permissions(t.Context()); granted != nil || err != nil {
		t.Errorf("of a token: %v, %v", granted, err)
	}
}
