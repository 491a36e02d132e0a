package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-cmp/cmp"
	api "github.com/google/go-github/v60/github"

	"perch/sandbox/github"
)

func TestErrorNamesTheMissingPermission(t *testing.T) {
	h := start(t)
	for name, test := range map[string]struct {
		lacks, want string
		do          func(*api.Client) error
	}{
		"deployments": {"deployments", "deployments=write", func(c *api.Client) error {
			return errorOf(c.Repositories.CreateDeployment(ctx, "acme", "shop", &api.DeploymentRequest{}))
		}},
		"statuses": {"statuses", "statuses=write", func(c *api.Client) error {
			return h.setStatus(c, h.commit, "success", "perch/shop", "")
		}},
		"pull_requests": {"pull_requests", "issues=write; pull_requests=write", func(c *api.Client) error {
			_, err := h.comment(c, "ready")
			return err
		}},
		"contents": {"contents", "contents=read", func(c *api.Client) error {
			return errorOf(c.Repositories.ListBranches(ctx, "acme", "shop", nil))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, who := range []struct {
				access github.Access
				want   string
			}{
				{github.Access{Login: "perch[bot]", App: true}, "Resource not accessible by integration"},
				{github.Access{Login: "bob"}, "Resource not accessible by personal access token"},
			} {
				who.access.Permissions = github.Without(test.lacks)
				h.Grant("other", who.access)
				err := test.do(h.clientWith("other"))
				wantError(t, err, 403, who.want)
				var refused *api.ErrorResponse
				if errors.As(err, &refused) &&
					refused.Response.Header.Get("X-Accepted-GitHub-Permissions") != test.want {
					t.Errorf(
						"X-Accepted-GitHub-Permissions is %s, want %s",
						refused.Response.Header.Get("X-Accepted-GitHub-Permissions"), test.want,
					)
				}
			}
		})
	}
}

func TestReadPermissionAllowsNoWrite(t *testing.T) {
	h := start(t)
	permissions := github.Everything()
	permissions["deployments"] = "read"
	h.Grant("other", github.Access{Login: "bob", Permissions: permissions})
	_, _, err := h.clientWith("other").Repositories.ListDeployments(ctx, "acme", "shop", nil)
	must(t, err)
	request := &api.DeploymentRequest{Ref: &h.commit}
	_, _, err = h.clientWith("other").Repositories.CreateDeployment(ctx, "acme", "shop", request)
	wantError(t, err, 403, "Resource not accessible by personal access token")
}

func TestTokenWithoutAccessGetsNotFound(t *testing.T) {
	h := start(t)
	h.Grant("other", github.Access{Login: "bob"})
	_, err := h.comment(h.clientWith("other"), "ready")
	wantError(t, err, 404, "Not Found")
	_, err = h.comment(h.clientWith("unknown"), "ready")
	wantError(t, err, 401, "Bad credentials")
}

func TestAnArchivedRepositoryIsReadOnly(t *testing.T) {
	h := start(t)
	h.Archive(true)
	_, err := h.comment(h.client(), "ready")
	wantError(t, err, 403, "Repository was archived so is read-only.")
	found, _, err := h.client().Repositories.Get(ctx, "acme", "shop")
	must(t, err)
	if !found.GetArchived() {
		t.Error("the repository's JSON does not have archived: true")
	}
}

func TestTokenIdentifiesItsUserOrApp(t *testing.T) {
	h := start(t)
	user, _, err := h.client().Users.Get(ctx, "")
	must(t, err)
	if user.GetLogin() != github.User {
		t.Errorf("the token belongs to %s", user.GetLogin())
	}
	_, _, err = h.client().Apps.Get(ctx, "")
	wantError(t, err, 401, "A JSON web token could not be decoded")

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	h.Install(github.App{ID: 7, Installation: 8, Slug: "perch", Key: &key.PublicKey, Permissions: github.Everything()})
	file := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	itself, err := ghinstallation.NewAppsTransport(http.DefaultTransport, 7, file)
	must(t, err)
	installed := ghinstallation.NewFromAppsTransport(itself, 8)
	installed.BaseURL = h.URL + "/api/v3"
	h.advance(time.Since(h.Now())) // The client signs with the time of the machine's clock.
	by := func(transport http.RoundTripper) *api.Client {
		client, err := api.NewClient(&http.Client{Transport: transport}).WithEnterpriseURLs(h.URL, h.URL)
		must(t, err)
		return client
	}
	app, _, err := by(itself).Apps.Get(ctx, "")
	must(t, err)
	if app.GetSlug() != "perch" {
		t.Errorf("the App is %s", app.GetSlug())
	}
	comment, err := h.comment(by(installed), "ready")
	must(t, err)
	if comment.GetUser().GetLogin() != "perch[bot]" {
		t.Errorf("the App's comment is by %s", comment.GetUser().GetLogin())
	}
	_, _, err = by(installed).Users.Get(ctx, "")
	wantError(t, err, 403, "Resource not accessible by integration")
}

func TestSecondaryLimitOfAMinute(t *testing.T) {
	h := start(t)
	for i := range 80 {
		if i == 40 {
			h.advance(15 * time.Second)
		}
		_, err := h.comment(h.client(), "ready")
		must(t, err)
	}
	_, err := h.comment(h.client(), "ready")
	var limited *api.AbuseRateLimitError
	if !errors.As(err, &limited) || limited.RetryAfter == nil || *limited.RetryAfter != 45*time.Second {
		t.Fatalf("the 81st write of a minute: %v", err)
	}
	h.advance(45 * time.Second)
	_, err = h.comment(h.client(), "ready")
	must(t, err)
	if got := len(h.Comments(h.request)); got != 81 || len(h.Writes()) != 81 {
		t.Errorf("%d comments after %d writes, want 81 of both", got, len(h.Writes()))
	}
}

func TestSecondaryLimitOfAnHour(t *testing.T) {
	h := start(t)
	for range 500 {
		_, err := h.comment(h.client(), "ready")
		must(t, err)
		h.advance(time.Second)
	}
	_, err := h.comment(h.client(), "ready")
	var limited *api.AbuseRateLimitError
	if !errors.As(err, &limited) || limited.RetryAfter == nil || *limited.RetryAfter != 3100*time.Second {
		t.Errorf("the 501st write of an hour: %v", err)
	}
}

func TestPrimaryLimitResets(t *testing.T) {
	h := start(t)
	h.SetRemaining(0)
	_, err := h.comment(h.client(), "ready")
	var limited *api.RateLimitError
	if !errors.As(err, &limited) {
		t.Fatalf("got %v", err)
	}
	h.advance(h.Reset().Sub(h.Now()))
	_, err = h.comment(h.client(), "ready")
	must(t, err)
}

func TestFaultAppliesToItsRouteOnly(t *testing.T) {
	h := start(t)
	_, err := h.deploy()
	must(t, err)
	h.Inject(github.Fault{Route: "POST /issues/*/comments", Times: 2, Answer: github.Answer(502, "Server Error")})
	for range 2 {
		_, err := h.comment(h.client(), "ready")
		wantError(t, err, 502, "Server Error")
	}
	_, err = h.comment(h.client(), "ready")
	must(t, err)
	removeFault := h.Inject(github.Fault{Route: "POST /deployments", Answer: github.SecondaryLimit(time.Minute)})
	var limited *api.AbuseRateLimitError
	if _, err := h.deploy(); !errors.As(err, &limited) {
		t.Errorf("got %v", err)
	}
	removeFault()
	_, err = h.deploy()
	must(t, err)
}

func TestRequestWithALostResponseIsCarriedOut(t *testing.T) {
	h := start(t)
	h.Inject(github.Fault{Route: "POST /issues/*/comments", Times: 1, Lost: true})
	if _, err := h.comment(h.client(), "ready"); err == nil {
		t.Fatal("the client received a response")
	}
	if got := h.Comments(h.request); len(got) != 1 || len(h.Writes()) != 1 {
		t.Errorf("%d writes, and the comments %v; want one of both", len(h.Writes()), got)
	}
}

func TestHeldRequestWaits(t *testing.T) {
	h := start(t)
	hold := make(chan struct{})
	h.Inject(github.Fault{Route: "POST /deployments", Times: 1, Hold: hold})
	done := make(chan error)
	go func() {
		_, err := h.deploy()
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("the server responded before the request was released: %v", err)
	case hold <- struct{}{}: // The request is waiting.
	}
	must(t, <-done)
}

func TestWritesListsOnlySuccessfulWrites(t *testing.T) {
	h := start(t)
	deployment, err := h.deploy()
	must(t, err)
	must(t, h.setDeploymentStatus(deployment, "success", ""))
	wantError(t, h.setDeploymentStatus(deployment, "no state", ""), 422, "state is not included in the list")
	_, _, err = h.client().Repositories.ListDeployments(ctx, "acme", "shop", nil)
	must(t, err)
	want := []string{"POST /repos/acme/shop/deployments", "POST /repos/acme/shop/deployments/1/statuses"}
	if diff := cmp.Diff(want, h.Writes()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func errorOf[A, B any](_ A, _ B, err error) error { return err }
