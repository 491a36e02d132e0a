package activities

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/server/common/testing/freeport"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/pulse"
	"perch/activities/ready"
	"perch/sandbox/page"
)

// pages serves the world's environments as a load balancer would, and returns the port.
func (w *world) pages() string {
	w.t.Helper()
	server := httptest.NewServer(page.New(page.Config{Environments: w.aws.Environments, S3: w.s3()}))
	w.t.Cleanup(server.Close)
	return portOf(w.t, server.URL)
}

func portOf(t testing.TB, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Port()
}

func TestAwaitReadyAsksTheEnvironmentItself(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	w.up("login", commit)
	in := ready.Question{URL: "http://login.shop.localhost:" +
		w.pages(), Endpoint: "127.0.0.1", HealthPath: "/", Beanstalk: "shop-login"}
	if out := must(w, of[*Readiness](w).prober.AwaitAnswer, in); out.Status != http.StatusOK {
		t.Errorf("got %+v", out)
	}
}

func TestAwaitReadyDialsTheEndpointWithTheEnvironmentsHost(t *testing.T) {
	var asked atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Store(r.Host + r.URL.Path)
	}))
	defer server.Close()
	w := newWorld(t)
	port := portOf(t, server.URL)
	in := ready.Question{URL: "http://no-such-host.invalid:" + port, Endpoint: "127.0.0.1", HealthPath: "/healthz"}
	must(w, of[*Readiness](w).prober.AwaitAnswer, in)
	if want := "no-such-host.invalid:" + port + "/healthz"; asked.Load() != want {
		t.Errorf("asked %v, want %s", asked.Load(), want)
	}
}

func TestAwaitReadyWaitsForAnAnswerBelow400(t *testing.T) {
	var looks atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch looks.Add(1) {
		case 1:
			rw.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			rw.WriteHeader(http.StatusNotFound)
		default:
			http.Redirect(rw, r, "/login", http.StatusFound) // A page behind a login is an answer.
		}
	}))
	defer server.Close()
	w := newWorld(t)
	out := must(
		w, of[*Readiness](w).prober.AwaitAnswer,
		ready.Question{URL: server.URL, Endpoint: "127.0.0.1", HealthPath: "/", Patience: 20 * time.Second},
	)
	if out.Status != http.StatusFound || looks.Load() != 3 {
		t.Errorf("got %+v after %d looks", out, looks.Load())
	}
}

func TestS71AnAddressThatNeverBecomesHealthyFailsWithItsLastAnswerAndBeanstalksWords(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "no database\n yet", http.StatusBadGateway)
	}))
	defer server.Close()
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	w.up("login", commit)
	in := ready.Question{
		URL: server.URL, Endpoint: "127.0.0.1", HealthPath: "/healthz", Beanstalk: "shop-login", Patience: time.Second,
	}
	env := activitytest.NewEnvironment()
	env.SetHeartbeatDetails(perch.Progress{Since: time.Now().Add(-time.Hour)}) // An earlier try has waited already.
	_, err := activitytest.TryIn(env, of[*Readiness](w).prober.AwaitAnswer, in)
	activitytest.WantFinal(
		t, err, perch.ErrorNotReady, server.URL+" did not become ready within 1s",
		"its last answer: 502 Bad Gateway no database yet", "Beanstalk says: INFO:", "the stack stays for inspection",
	)
}

func TestAnAddressThatNothingServesGivesTheDialersError(t *testing.T) {
	address := "http://127.0.0.1:" + strconv.Itoa(freeport.MustGetFreePort())
	w := newWorld(t)
	env := activitytest.NewEnvironment()
	env.SetHeartbeatDetails(perch.Progress{Since: time.Now().Add(-time.Hour)})
	_, err := activitytest.TryIn(
		env, of[*Readiness](w).prober.AwaitAnswer, ready.Question{URL: address, Patience: 10 * time.Minute},
	)
	activitytest.WantFinal(t, err, perch.ErrorNotReady, "within 10m0s", "connection refused")
}

func TestAnOutputThatIsNotAnAddressIsRejected(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{"", "login", "http://%zz"} {
		_, err := activitytest.Try(of[*Readiness](w).prober.AwaitAnswer, ready.Question{URL: address})
		activitytest.WantFinal(t, err, perch.ErrorInvalid, "is not an address")
	}
}

func TestAwaitReadyLeavesAStoppingWorkerAtOnce(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	w := newWorld(t)
	of[*Readiness](w).prober.Interval = time.Hour
	stopping := make(chan struct{})
	close(stopping)
	env := activitytest.NewEnvironment()
	env.SetWorkerStopChannel(stopping)
	_, err := activitytest.TryIn(
		env, of[*Readiness](w).prober.AwaitAnswer, ready.Question{URL: server.URL, Patience: 10 * time.Minute},
	)
	activitytest.WantRetry(t, err, pulse.ErrStopping.Error())
}
