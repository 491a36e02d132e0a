package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"perch/sandbox/github/browsertest"
)

// TestAHostileApplicationCannotActForASignedInPerson signs in with GitHub, and
// then opens the page of an application on a branch, which frames the dashboard, posts to it and
// fetches from it.
func TestAHostileApplicationCannotActForASignedInPerson(t *testing.T) {
	browser := browsertest.Start(t)
	s := newSite(t, nil)
	browser.Visit(t, s.url)
	browser.Reads(t, "Sign in with GitHub to see the environments of this project.")
	browser.Photograph(t, "dashboard-sign-in")
	browser.Click(t, `main a[href="/signin"]`)
	browser.Reads(t, "Authorize an application")
	browser.Click(t, `button[value=yes]`)
	browser.Reads(t, "feature/login", "ana")
	browser.Photograph(t, "dashboard-signed-in")

	for name, test := range map[string]struct{ page, ends string }{
		"posts": {`<form method="post" action="%s/actions/remove"><input name="branch" value="feature/login">` +
			`<input name="confirm" value="feature/login"><button id="go">Win a prize</button></form>`,
			"so nothing was done"},
		"frames": {`<button id="go">Win</button><script>document.getElementById("go").onclick = () => {
			const frame = document.createElement("iframe"); frame.src = "%s/confirm?branch=feature%%2Flogin";
			frame.onload = () => document.body.append("the frame has ended"); document.body.append(frame) }</script>`,
			"the frame has ended"},
		"sets cookies": {`<button id="go">Win</button><script>document.getElementById("go").onclick = async () => {
			for (const name of ["__Host-perch", "perch"]) for (const domain of ["", "; domain=localhost", "; domain=127.0.0.1"])
				document.cookie = name + "=stolen; path=/" + domain + (name == "perch" ? "" : "; secure");
			try { await fetch("%[1]s/actions/redeploy", {method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({branch: "feature/login"})}) }
			catch {} document.body.append("the cookies are set") }</script>`, "the cookies are set"},
		"fetches": {`<button id="go">Win</button><script>document.getElementById("go").onclick = async () => {
			try { const got = await fetch("%[1]s/", {credentials: "include"}); document.body.append("read " + await got.text()) }
			catch { document.body.append("it may not be read; ") }
			try { await fetch("%[1]s/actions/redeploy", {method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({branch: "feature/login"})}) }
			catch {} document.body.append("posted") }</script>`, "it may not be read; posted"},
	} {
		t.Run(name, func(t *testing.T) {
			hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprintf(w, test.page, s.url)
			}))
			t.Cleanup(hostile.Close)
			// Environments of the sandbox are below localhost, and the dashboard is at 127.0.0.1.
			browser.Visit(t, strings.Replace(hostile.URL, "127.0.0.1", "feature-login.localhost", 1))
			drawn := s.drawn.Load()
			browser.Click(t, "#go")
			browser.Reads(t, test.ends)
			// A form that is posted ends on a page of the dashboard; nothing else draws one.
			if now := s.drawn.Load(); name != "posts" && now != drawn {
				t.Errorf("%d pages were drawn for it", now-drawn)
			}
			if taken := s.taker.taken(); taken != 0 {
				t.Errorf("%d requests were taken", taken)
			}
		})
	}
	browser.Visit(t, s.url)
	browser.Reads(t, "feature/login", "ana")
}
