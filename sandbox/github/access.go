package github

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Access is what a token may do, and in whose name.
type Access struct {
	// Login is the author of what the token writes: `ana`, or `perch[bot]` for an App.
	Login string
	// App says that it is the token of an App's installation.
	App bool
	// Permissions are read or write, by GitHub's names: contents, deployments, metadata,
	// pull_requests, statuses. Without metadata the repository does not exist for the token.
	Permissions map[string]string
	// JWT says that an App speaks for itself, and not for an installation.
	JWT bool
}

// App is a GitHub App that is installed in the repository.
type App struct {
	ID, Installation int64
	// Slug is the App's name in addresses: its comments are by `SLUG[bot]`.
	Slug string
	// Key checks what the App signs.
	Key *rsa.PublicKey
	// Permissions are what the installation's tokens may do.
	Permissions map[string]string
}

// Everything are all permissions that the server knows.
func Everything() map[string]string {
	return map[string]string{
		"contents": "read", "deployments": "write", "metadata": "read", "pull_requests": "write", "statuses": "write",
	}
}

// Without are all permissions but some.
func Without(names ...string) map[string]string {
	rest := Everything()
	maps.DeleteFunc(rest, func(name, _ string) bool { return slices.Contains(names, name) })
	return rest
}

// Accept takes another token from now on, with every permission, or no longer.
func (s *Server) Accept(token string, accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
	if accepted {
		s.tokens[token] = Access{Login: User, Permissions: Everything()}
	}
}

// Grant says what a token may do from now on.
func (s *Server) Grant(token string, access Access) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = access
}

// Install installs an App, whose tokens are made by request.
func (s *Server) Install(app App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.app = &app
}

type accessKey struct{}

func withAccess(ctx context.Context, access Access) context.Context {
	return context.WithValue(ctx, accessKey{}, access)
}

func accessOf(r *http.Request) Access {
	access, _ := r.Context().Value(accessKey{}).(Access)
	return access
}

// authenticate finds what the request's token may do.
func (s *Server) authenticate(r *http.Request) (Access, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kind, token string
	_, _ = fmt.Sscan(r.Header.Get("Authorization"), &kind, &token)
	if access, known := s.tokens[token]; known {
		return access, true
	}
	return Access{JWT: true}, s.app != nil && s.app.signed(token, s.config.Now())
}

// signed is whether a JSON web token is the App's and not expired (RFC 7519, RS256).
func (a *App) signed(token string, now time.Time) bool {
	content, signature, _ := cutLast(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(content))
	if err != nil || rsa.VerifyPKCS1v15(a.Key, crypto.SHA256, sum[:], raw) != nil {
		return false
	}
	_, payload, _ := strings.Cut(content, ".")
	var claims struct {
		Issuer  json.RawMessage `json:"iss"`
		Expires float64         `json:"exp"`
	}
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(decoded, &claims) != nil {
		return false
	}
	return strings.Trim(string(claims.Issuer), `"`) == strconv.FormatInt(a.ID, 10) &&
		float64(now.Unix()) < claims.Expires
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// allowed answers only requests whose token has one of some permissions, each as
// "deployments=write". GitHub hides a repository that a token does not reach at all, and names the
// permission in a header otherwise (r-lib/pkgdown#2489 shows the header of such an answer).
func (s *Server) allowed(answer http.HandlerFunc, permissions ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := accessOf(r)
		w.Header().Set("X-Accepted-GitHub-Permissions", strings.Join(permissions, "; "))
		switch {
		case who.JWT || who.Permissions["metadata"] == "":
			Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		case !slices.ContainsFunc(permissions, who.may):
			who.deny().ServeHTTP(w, r)
		case writes(r) && s.isArchived():
			// r-universe-org/help#247
			Answer(http.StatusForbidden, "Repository was archived so is read-only.").ServeHTTP(w, r)
		default:
			answer(w, r)
		}
	}
}

// may is whether the token has a permission, as "deployments=write": who may write may read, too.
func (a Access) may(permission string) bool {
	name, wanted, _ := strings.Cut(permission, "=")
	return a.Permissions[name] == "write" || a.Permissions[name] == wanted
}

// deny is how GitHub words a missing permission, for the token of an App (and of GitHub Actions)
// and for a person's.
func (a Access) deny() http.Handler {
	if a.App {
		return Answer(http.StatusForbidden, "Resource not accessible by integration")
	}
	return Answer(http.StatusForbidden, "Resource not accessible by personal access token")
}

// user says whose the token is. That of an installation belongs to no user.
func (s *Server) user(w http.ResponseWriter, r *http.Request) {
	who := accessOf(r)
	if who.App || who.JWT {
		who.App = true
		who.deny().ServeHTTP(w, r)
		return
	}
	reply(w, http.StatusOK, account(who.Login))
}

// about says which App signed the request.
func (s *Server) about(w http.ResponseWriter, r *http.Request) {
	if !accessOf(r).JWT {
		Answer(http.StatusUnauthorized, "A JSON web token could not be decoded").ServeHTTP(w, r)
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"id": s.app.ID, "slug": s.app.Slug, "name": s.app.Slug, "permissions": s.app.Permissions,
	})
}

// installation says what the App's installation may do.
func (s *Server) installation(w http.ResponseWriter, r *http.Request) {
	if !accessOf(r).JWT || r.PathValue("installation") != strconv.FormatInt(s.app.Installation, 10) {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"id": s.app.Installation, "app_id": s.app.ID, "app_slug": s.app.Slug, "permissions": s.app.Permissions,
	})
}

// newToken makes a token of the App's installation, which lasts an hour on GitHub and for ever
// here.
func (s *Server) newToken(w http.ResponseWriter, r *http.Request) {
	if !accessOf(r).JWT || r.PathValue("installation") != strconv.FormatInt(s.app.Installation, 10) {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	token := "ghs_" + rand.Text()
	s.Grant(token, Access{Login: s.app.Slug + "[bot]", App: true, Permissions: s.app.Permissions})
	reply(w, http.StatusCreated, map[string]any{
		"token": token, "expires_at": stamp(s.config.Now().Add(time.Hour)), "permissions": s.app.Permissions,
	})
}

// account is a user or an App as answers name it.
func account(login string) map[string]any {
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	return map[string]any{"login": login, "type": kind}
}
