package run

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"perch"
	"perch/client"
	"perch/sandbox/github"
	"perch/sandbox/github/githubtest"
	web "perch/web/server"
)

// dashboardOnGitHub is the dashboard of a project on the imitation of GitHub. The worker reads the
// project as a GitHub App.
type dashboardOnGitHub struct {
	*bench
	hub  *github.Server
	url  string
	logs watched
}

// newDashboardOnGitHub adds a project to b whose people sign in to its dashboard with GitHub. The
// main branch has perch.yaml; change changes the policy.
func (b *bench) newDashboardOnGitHub(
	t *testing.T, name, perchYAML string, change func(*perch.Policy),
) *dashboardOnGitHub {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	d := &dashboardOnGitHub{}
	with := *b
	with.env = map[string]string{
		"GITHUB_APP_ID": "7", "GITHUB_APP_INSTALLATION_ID": "8", "GITHUB_APP_PRIVATE_KEY": string(private),
	}
	maps.Copy(with.env, b.env)
	d.bench = with.newProjectWithReaders(t, name, map[string]string{"perch.yaml": perchYAML}, func(p *perch.Policy) {
		d.hub = githubtest.Start(t, github.Config{Directory: p.Source.Git, DefaultBranch: "main"})
		d.hub.Install(github.App{
			ID: 7, Installation: 8, Slug: "perch", Key: &key.PublicKey, Permissions: github.Everything(),
		})
		p.Source = perch.Source{GitHub: &perch.GitHubSource{Repository: github.Name, BaseURL: d.hub.URL}}
		change(p)
	}, newReadConfig())
	temporal, err := client.Dial(t.Context(), d.lookup)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(temporal.Close)
	server := httptest.NewUnstartedServer(nil)
	d.url = "http://" + server.Listener.Addr().String()
	public, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	d.hub.RegisterOAuthApp(github.OAuthApp{
		ClientID: "app", ClientSecret: "secret", Callback: d.url + "/signin/callback",
	})
	dashboard := web.NewDashboard(web.Settings{
		Project: name, PublicURL: public, Temporal: temporal, Worker: d.readers(),
		Logger: slog.New(slog.NewTextHandler(&d.logs, nil)),
		GitHub: &web.GitHubSignIn{
			ClientID: "app", ClientSecret: "secret", Pages: d.hub.URL, API: d.hub.URL + "/api/v3",
		},
	})
	server.Config.Handler = dashboard
	server.Start()
	t.Cleanup(func() {
		dashboard.Close()
		server.Close()
	})
	return d
}

// signIn signs a person in, and returns the person's browser.
func (d *dashboardOnGitHub) signIn(t *testing.T, login string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	response, err := browser.Get(d.url + "/signin")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	form := response.Request.URL.Query() // GitHub's page asks the person to authorize the app.
	form.Set("login", login)
	form.Set("authorize", "yes")
	answer, err := browser.PostForm(d.hub.URL+"/login/oauth/authorize", form)
	expectPage(t, answer, err, http.StatusOK, login)
	return browser
}

// expectPage reads the page of an answer.
func expectPage(t *testing.T, answer *http.Response, err error, status int, says string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status || !strings.Contains(string(body), says) {
		t.Errorf("%s, which does not say %q: %s, %v", answer.Status, says, body, err)
	}
}

// TestPeopleSignInWithGitHubAndActAsTheirPermissionAllows signs a reader and a writer in to the
// dashboard of a real worker, which reads their permissions.
func TestPeopleSignInWithGitHubAndActAsTheirPermissionAllows(t *testing.T) {
	t.Parallel()
	d := sharedSandbox(t).newDashboardOnGitHub(t, "signs", bare("signs"), func(*perch.Policy) {})
	d.hub.SetRole("rita", "read", "read")
	d.hub.SetRole("ana", "write", "write")
	d.repo.commit(t, "signs-one", map[string]string{"a.txt": "1"})
	d.must(t, "up", "signs-one")
	page, form := d.url+"/environment?branch=signs-one", url.Values{"branch": {"signs-one"}}

	reader := d.signIn(t, "rita")
	answer, err := reader.Get(page)
	expectPage(t, answer, err, http.StatusOK, "your permission on the repository is read, and this needs write")
	answer, err = reader.PostForm(d.url+"/actions/redeploy", form)
	expectPage(t, answer, err, http.StatusForbidden, "this needs write")

	writer := d.signIn(t, "ana")
	answer, err = writer.PostForm(d.url+"/actions/redeploy", form)
	expectPage(t, answer, err, http.StatusOK, "Requested: signs-one is deployed again")
	eventually(t, "the redeployment is the writer's", func() (any, bool) {
		by := d.must(t, "status", "signs-one").text("last_report", "by")
		return by, by == "web:ana"
	})

	d.hub.SetRole("ana", "read", "read") // The known role is at most five minutes old, and an action reads it again.
	eventually(t, "she may no longer act", func() (any, bool) {
		answer, err := writer.PostForm(d.url+"/actions/redeploy", form)
		if err != nil {
			return err, false
		}
		defer answer.Body.Close()
		return answer.Status, answer.StatusCode == http.StatusForbidden
	})
	for _, line := range []string{
		"msg=sign-in who=rita role=read outcome=done", "msg=action who=rita role=read action=redeploy",
		"msg=sign-in who=ana role=write outcome=done", "msg=action who=ana role=write action=redeploy",
	} {
		contains(t, d.logs.String(), line)
	}
}
