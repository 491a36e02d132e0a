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

// Access is the identity and the permissions of a token.
type Access struct {
	// Login is the user or App to whom the token belongs: `ana`, or `perch[bot]` for an App.
	Login string
	// App is true if the token belongs to an App's installation.
	App bool
	// Permissions maps GitHub's names (contents, deployments, metadata, pull_requests, statuses) to
	// read or write. A token without metadata gets 404 for the repository.
	Permissions map[string]string
	// JWT is true if the App authenticates as itself, with a JSON web token, and not as an
	// installation.
	JWT bool
}

// App is a GitHub App that is installed in the repository.
type App struct {
	ID, Installation int64
	// Slug is the App's name in URLs. The author of the App's comments is `SLUG[bot]`.
	Slug string
	// Key verifies the App's signatures.
	Key *rsa.PublicKey
	// Permissions are the permissions of the installation's tokens.
	Permissions map[string]string
}

// Everything returns all permissions that the server knows.
func Everything() map[string]string {
	return map[string]string{
		"contents": "read", "deployments": "write", "metadata": "read", "pull_requests": "write", "statuses": "write",
	}
}

// Without returns all permissions except the named ones.
func Without(names ...string) map[string]string {
	rest := Everything()
	maps.DeleteFunc(rest, func(name, _ string) bool { return slices.Contains(names, name) })
	return rest
}

// Accept gives a token every permission if accepted is true. Otherwise it revokes the token.
func (s *Server) Accept(token string, accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
	if accepted {
		s.tokens[token] = Access{Login: User, Permissions: Everything()}
	}
}

// Grant sets the access of a token.
func (s *Server) Grant(token string, access Access) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = access
}

// Install installs an App in the repository. The App creates its tokens through the API.
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

// authenticate returns the access of the request's token, and false if the token is not valid.
func (s *Server) authenticate(r *http.Request) (Access, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kind, token string
	_, _ = fmt.Sscan(r.Header.Get("Authorization"), &kind, &token)
	if access, known := s.tokens[token]; known {
		return access, true
	}
	return Access{JWT: true}, s.app != nil && s.app.verifyJWT(token, s.config.Now())
}

// verifyJWT reports whether token is a JSON web token that the App signed and that has not expired
// (RFC 7519, RS256).
func (a *App) verifyJWT(token string, now time.Time) bool {
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

// permit returns a handler that calls next if the token has one of the permissions, each
// in the form "deployments=write". Like GitHub, it responds with 404 if the token has no access to
// the repository. A header of every response names the permissions (r-lib/pkgdown#2489 shows one).
func (s *Server) permit(next http.HandlerFunc, permissions ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := accessOf(r)
		w.Header().Set("X-Accepted-GitHub-Permissions", strings.Join(permissions, "; "))
		switch {
		case who.JWT || who.Permissions["metadata"] == "":
			Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		case !slices.ContainsFunc(permissions, who.hasPermission):
			who.permissionError().ServeHTTP(w, r)
		case writes(r) && s.isArchived():
			// r-universe-org/help#247
			Answer(http.StatusForbidden, "Repository was archived so is read-only.").ServeHTTP(w, r)
		default:
			next(w, r)
		}
	}
}

// hasPermission reports whether the token has a permission, such as "deployments=write". A write
// permission includes read.
func (a Access) hasPermission(permission string) bool {
	name, wanted, _ := strings.Cut(permission, "=")
	return a.Permissions[name] == "write" || a.Permissions[name] == wanted
}

// permissionError returns GitHub's error for a missing permission. The message for a token of an
// App (or of GitHub Actions) differs from the message for a person's token.
func (a Access) permissionError() http.Handler {
	if a.App {
		return Answer(http.StatusForbidden, "Resource not accessible by integration")
	}
	return Answer(http.StatusForbidden, "Resource not accessible by personal access token")
}

// getUser responds with the user to whom the token belongs. A token of an installation belongs to
// no user.
func (s *Server) getUser(w http.ResponseWriter, r *http.Request) {
	who := accessOf(r)
	if who.App || who.JWT {
		who.App = true
		who.permissionError().ServeHTTP(w, r)
		return
	}
	reply(w, http.StatusOK, accountBody(who.Login))
}

// getApp responds with the App that signed the request.
func (s *Server) getApp(w http.ResponseWriter, r *http.Request) {
	if !accessOf(r).JWT {
		Answer(http.StatusUnauthorized, "A JSON web token could not be decoded").ServeHTTP(w, r)
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"id": s.app.ID, "slug": s.app.Slug, "name": s.app.Slug, "permissions": s.app.Permissions,
	})
}

// getInstallation responds with the App's installation and its permissions.
func (s *Server) getInstallation(w http.ResponseWriter, r *http.Request) {
	if !accessOf(r).JWT || r.PathValue("installation") != strconv.FormatInt(s.app.Installation, 10) {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"id": s.app.Installation, "app_id": s.app.ID, "app_slug": s.app.Slug, "permissions": s.app.Permissions,
	})
}

// createToken creates a token of the App's installation. On GitHub the token expires after an hour;
// here it never expires.
func (s *Server) createToken(w http.ResponseWriter, r *http.Request) {
	if !accessOf(r).JWT || r.PathValue("installation") != strconv.FormatInt(s.app.Installation, 10) {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	token := "ghs_" + rand.Text()
	s.Grant(token, Access{Login: s.app.Slug + "[bot]", App: true, Permissions: s.app.Permissions})
	reply(w, http.StatusCreated, map[string]any{
		"token": token, "expires_at": timestamp(s.config.Now().Add(time.Hour)), "permissions": s.app.Permissions,
	})
}

// accountBody returns the JSON of a user or an App.
func accountBody(login string) map[string]any {
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	return map[string]any{"login": login, "type": kind}
}
