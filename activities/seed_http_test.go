package activities

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/server/common/testing/freeport"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/seed"
	"perch/sandbox/aws"
)

const tokenARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/seed-token"

// laterConfig is testConfig with steps that need the app.
func laterConfig(steps string) string {
	return strings.Replace(testConfig, "  buckets:", "  secrets: {SEED_TOKEN: \""+tokenARN+"\"}\n  buckets:", 1) + steps
}

// shownAnswer is how much of an answer a message shows, in bytes.
const shownAnswer = 500

const token = `s3cret "tok&n" <1>`

// laterWorld is a world with an environment that is ready for the steps that need it.
func laterWorld(t *testing.T, steps string) (*world, seed.Deployed) {
	t.Helper()
	w, in := seedWorld(t, laterConfig(steps))
	w.secret("shop/seed-token", token)
	in.Later, in.URL, in.Endpoint = true, "http://login.shop.localhost:"+w.pages(), "127.0.0.1"
	return w, in
}

// app answers the requests of a seed step, and remembers them.
type app struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

// serveApp starts an app of the environment. answer is told how many requests came before.
func serveApp(t *testing.T, in *seed.Deployed, answer func(w http.ResponseWriter, r *http.Request, before int)) *app {
	t.Helper()
	a := &app{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		before := len(a.requests)
		a.requests, a.bodies = append(a.requests, r), append(a.bodies, string(body))
		a.mu.Unlock()
		answer(w, r, before)
	}))
	t.Cleanup(a.Close)
	in.URL, in.Endpoint = "http://login.shop.localhost:"+portOf(t, a.URL), "127.0.0.1"
	return a
}

func (a *app) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.requests)
}

func TestAnHTTPStepIsSentToTheEnvironmentWithItsSecretOnce(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed, body: fixtures/other/c.txt, secret: SEED_TOKEN}\n")
	in.Commit = w.repo.commit("login", map[string]string{"fixtures/other/c.txt": `{"users": 3}`})
	want := contract.SeedResult{
		Seeded: true, Steps: []perch.SeedDone{{Step: "http POST /seed", Status: http.StatusCreated}},
	}
	if diff := cmp.Diff(want, must(w, of[*Seeds](w).environments.SeedDeployed, in)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	step := perch.SeedStep{
		HTTP: &perch.SeedHTTP{Method: "POST", Path: "/seed", Body: "fixtures/other/c.txt", Secret: "SEED_TOKEN"},
	}
	key := strings.ReplaceAll(strings.TrimPrefix(seed.Mark(in.StackID, nil, step), "seeds/"), "/", "-")
	if got := w.objects(in.StackID, "assets"); got["seed/"+key+".json"] != `{"users": 3}` {
		t.Errorf("the page has %v, want it under %s", got, key)
	}
	if out := must(w, of[*Seeds](w).environments.SeedDeployed, in); out.Seeded {
		t.Errorf("it was sent again: %+v", out)
	}
}

func TestAnHTTPStepGoesToTheEnvironmentsHostAsTheFileSays(t *testing.T) {
	w, in := laterWorld(t, `  - http: {method: PUT, path: "/load%2Fall?size=3", body: fixtures/media/photos/b.png, `+
		`header: x-token, secret: SEED_TOKEN}`+"\n")
	a := serveApp(t, &in, func(http.ResponseWriter, *http.Request, int) {})
	must(w, of[*Seeds](w).environments.SeedDeployed, in)
	r := a.requests[0]
	got := []string{
		r.Method, r.Host, r.RequestURI, r.Header.Get("X-Token"), r.Header.Get("Authorization"),
		r.Header.Get("Content-Type"), r.UserAgent(), a.bodies[0],
	}
	want := []string{
		"PUT", "login.shop.localhost:" + portOf(t, a.URL), "/load%2Fall?size=3", token, "", "image/png", "perch", "b",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestS70ARequestIsTriedAgainWithOneKeyAndTheNextStepOnlyThen(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /one}\n  - http: {path: /two}\n")
	a := serveApp(t, &in, func(rw http.ResponseWriter, _ *http.Request, before int) {
		switch before {
		case 0:
			rw.WriteHeader(http.StatusBadGateway)
		case 1:
			panic(http.ErrAbortHandler) // The connection breaks off.
		case 2:
			rw.WriteHeader(http.StatusTooManyRequests)
		}
	})
	out := must(w, of[*Seeds](w).environments.SeedDeployed, in)
	if want := []perch.SeedDone{
		{Step: "http POST /one", Status: 200}, {Step: "http POST /two", Status: 200},
	}; !cmp.Equal(out.Steps, want) {
		t.Errorf("got %+v", out.Steps)
	}
	var seen []string
	for _, r := range a.requests {
		seen = append(seen, r.URL.Path+" "+r.Header.Get("Idempotency-Key"))
	}
	if len(seen) != 5 || len(slices.Compact(seen[:4])) != 1 || seen[4] == seen[0] ||
		strings.HasSuffix(seen[4], strings.Fields(seen[0])[1]) {
		t.Errorf("the requests were %q", seen)
	}
}

func TestS70ARequestThatFailsEndsWithTheAnswerAndTheNextUpGoesOnFromIt(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /one}\n  - http: {path: /two}\n")
	rejecting := true
	a := serveApp(t, &in, func(rw http.ResponseWriter, r *http.Request, _ int) {
		if rejecting && r.URL.Path == "/two" {
			http.Error(rw, "no such\n fixture"+strings.Repeat(" x", shownAnswer), http.StatusUnprocessableEntity)
		}
	})
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(
		t, err, perch.ErrorSeedFailed, `seed step "http POST /two": 422 Unprocessable Entity: no such fixture x x`,
		" ...;", "the environment stays, and the next `perch up` goes on from this step",
	)
	if a.count() != 2 {
		t.Errorf("%d requests; %v", a.count(), err)
	}
	rejecting = false
	if out := must(
		w, of[*Seeds](w).environments.SeedDeployed, in,
	); len(out.Steps) != 1 || out.Steps[0].Step != "http POST /two" {
		t.Errorf("the next one did %+v", out)
	}
}

// TestAnAnswerToARequestWithASecretIsNotQuoted answers in every way of which a message could quote.
func TestAnAnswerToARequestWithASecretIsNotQuoted(t *testing.T) {
	for name, c := range map[string]struct{ answer, word string }{
		"an error": {
			"HTTP/1.1 422 told\r\nContent-Length: 4\r\n\r\ntold",
			"422 Unprocessable Entity (the request has a secret, so the rest of the answer is not shown)",
		},
		"a redirect": {"HTTP/1.1 302 told\r\nLocation: /told\r\n\r\n", "302 Found; redirects are not followed"},
		"no HTTP":    {"told told told\r\n\r\n", "the answer broke off or is not HTTP"},
		"half a success": {
			"HTTP/1.1 200 told\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ntold:\x00\r\n\r\n",
			"200 OK, and then the answer broke off or is not HTTP",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, in := laterWorld(t, "  - http: {path: /seed, secret: SEED_TOKEN}\n")
			serveApp(t, &in, func(rw http.ResponseWriter, _ *http.Request, _ int) {
				connection, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(connection, c.answer)
				_ = connection.Close()
			})
			env := activitytest.NewEnvironment()
			env.SetHeartbeatDetails(perch.Progress{
				Status: "SEEDING", Resource: "http POST /seed", Since: time.Now().Add(-time.Hour),
			})
			_, err := activitytest.TryIn(env, of[*Seeds](w).environments.SeedDeployed, in)
			activitytest.WantFinal(t, err, perch.ErrorSeedFailed, c.word)
			if strings.Contains(err.Error(), "told") {
				t.Errorf("the message quotes the app: %v", err)
			}
		})
	}
}

func TestALongRedirectIsCut(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed}\n")
	serveApp(t, &in, func(rw http.ResponseWriter, r *http.Request, _ int) {
		rw.Header().Set("Location", "/login?token="+strings.Repeat("x", 9000))
		rw.WriteHeader(http.StatusFound)
	})
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(t, err, perch.ErrorSeedFailed, "302 Found to /login?token=xxx", "x ...; redirects")
	if len(err.Error()) > 2*shownAnswer {
		t.Errorf("%d bytes: %v", len(err.Error()), err)
	}
}

func TestARedirectIsNotASuccess(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed}\n")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer elsewhere.Close()
	serveApp(t, &in, func(rw http.ResponseWriter, r *http.Request, _ int) {
		http.Redirect(rw, r, elsewhere.URL+"/login", http.StatusTemporaryRedirect)
	})
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(t, err, perch.ErrorSeedFailed, "307 Temporary Redirect to "+elsewhere.URL+
		"/login; redirects are not followed: name the path that answers")
}

func TestARequestThatDoesNotSucceedIsGivenUp(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed}\n")
	in.URL = "http://login.shop.localhost:" + strconv.Itoa(freeport.MustGetFreePort())
	env := activitytest.NewEnvironment()
	// An earlier try has waited already.
	env.SetHeartbeatDetails(perch.Progress{
		Status: "SEEDING", Resource: "http POST /seed", Since: time.Now().Add(-time.Hour),
	})
	_, err := activitytest.TryIn(env, of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(
		t, err, perch.ErrorSeedFailed, "it did not succeed within 10m0s; the last answer:", "connection refused",
	)
}

func TestAStoppingWorkerLeavesTheRequestToTheNext(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed}\n")
	of[*Seeds](w).environments.Interval = time.Hour
	serveApp(
		t, &in, func(rw http.ResponseWriter, _ *http.Request, _ int) { rw.WriteHeader(http.StatusServiceUnavailable) },
	)
	stopping := make(chan struct{})
	close(stopping)
	env := activitytest.NewEnvironment()
	env.SetWorkerStopChannel(stopping)
	_, err := activitytest.TryIn(env, of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantRetry(t, err, pulse.ErrStopping.Error())
}

func TestRequestsThatCannotBeMadeSaySo(t *testing.T) {
	const other = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/other"
	for name, c := range map[string]struct {
		steps, secret, url string
		words              []string
	}{
		"no such file": {
			"  - http: {path: /a, body: fixtures/none.json}\n", "", "",
			[]string{"has no file fixtures/none.json", "correct `body` in perch.yaml"},
		},
		"no address": {
			"  - http: {path: /a}\n", "", "login", []string{`the stack's output URL "login" is not an address`},
		},
		"no such secret": {
			"  - http: {path: /a, secret: SEED_TOKEN}\n", other, "",
			[]string{"secret SEED_TOKEN (" + other + ") is not there"},
		},
		"no such parameter": {
			"  - http: {path: /a, secret: SEED_TOKEN}\n", "arn:aws:ssm:eu-central-1:123456789012:parameter/x", "",
			[]string{"secret SEED_TOKEN (arn:aws:ssm:", "is not there"},
		},
		"several lines": {
			"  - http: {path: /a, secret: SEED_TOKEN}\n", "a\nb", "", []string{"does not fit into a header"},
		},
		"nothing": {"  - http: {path: /a, secret: SEED_TOKEN}\n", "\n", "", []string{"has no text"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, in := laterWorld(t, c.steps)
			switch {
			case strings.HasPrefix(c.secret, "arn:"):
				in.Commit = w.repo.commit(
					"login",
					map[string]string{"perch.yaml": strings.Replace(laterConfig(c.steps), tokenARN, c.secret, 1)},
				)
			case c.secret != "":
				w.secret("shop/lines", c.secret)
				in.Commit = w.repo.commit("login", map[string]string{
					"perch.yaml": strings.Replace(laterConfig(c.steps), "shop/seed-token", "shop/lines", 1),
				})
			}
			if c.url != "" {
				in.URL = c.url
			}
			_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
			activitytest.WantFinal(t, err, perch.ErrorSeedFailed, c.words...)
		})
	}
}

func TestASecretThatTheWorkerMayNotReadIsNamed(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed, secret: SEED_TOKEN}\n")
	w.fault(aws.Fault{
		Service: "secretsmanager", Action: "GetSecretValue", Status: 400, Code: "AccessDeniedException",
		Message: "not authorized",
	})
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(
		t, err, perch.ErrorDenied, "read secret SEED_TOKEN ("+tokenARN+")", "lacks secretsmanager:GetSecretValue",
	)
}

// secret makes a secret.
func (w *world) secret(name, value string) {
	w.t.Helper()
	if _, err := secretsmanager.NewFromConfig(w.config).CreateSecret(
		w.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value},
	); err != nil {
		w.t.Fatal(err)
	}
}
