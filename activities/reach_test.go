package activities

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/ready"
	"perch/activities/seed"
)

var ownMachine = netip.MustParsePrefix("127.0.0.0/8")

// listening is a server at a loopback address that counts its requests.
func listening(t *testing.T) (port string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	return portOf(t, server.URL), asked
}

func TestAwaitReadyAsksNoAddressThatACustomTemplateMayNotLeadTo(t *testing.T) {
	port, asked := listening(t)
	w := newWorld(t)
	for name, c := range map[string]struct {
		url, endpoint string
		address       string
	}{
		"as the endpoint":   {"http://login.shop.localhost:" + port, "127.0.0.1", "127.0.0.1"},
		"as IPv4 in IPv6":   {"http://login.shop.localhost:" + port, "::ffff:127.0.0.1", "127.0.0.1"},
		"as the URL's host": {"http://127.0.0.1:" + port, "", "127.0.0.1"},
		"a private one":     {"http://login.shop.localhost:" + port, "10.255.255.1", "10.255.255.1"},
		"by a name":         {"http://login.shop.localhost:" + port, "localhost", " is not a public address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := activitytest.Try(
				of[*Readiness](w).prober.AwaitAnswer,
				ready.Question{URL: c.url, Endpoint: c.endpoint, HealthPath: "/", Custom: true, Patience: time.Second},
			)
			activitytest.WantFinal(
				t, err, perch.ErrorInvalid, c.url+" cannot be asked whether it is ready: ", c.address,
				"is not a public address", "`network.private`", "the stack stays for inspection",
			)
		})
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests were sent", asked.Load())
	}
	_, err := activitytest.Try(
		of[*Readiness](w).prober.AwaitAnswer,
		ready.Question{URL: "http://login.shop.localhost", Endpoint: "169.254.169.254", Patience: time.Second},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "169.254.169.254 is a link-local address")
	w.policy.Network.Private = []netip.Prefix{ownMachine}
	must(w, of[*Readiness](w).prober.AwaitAnswer, ready.Question{URL: "http://login.shop.localhost:" +
		port, Endpoint: "127.0.0.1", HealthPath: "/", Custom: true, Patience: time.Second})
	if asked.Load() != 1 {
		t.Errorf("%d requests were sent to the network that the policy names", asked.Load())
	}
}

func TestAnHTTPStepGoesToNoAddressThatACustomTemplateMayNotLeadTo(t *testing.T) {
	port, asked := listening(t)
	w, commit := newCustomWorld(t, map[string]string{"perch.yaml": customConfig + "  - http: {path: /seed}\n"})
	in := seed.Deployed{SeedInput: contract.SeedInput{
		Environment: activitytest.Environment("shop", "login"), Commit: commit, StackID: w.customUp(commit).StackID,
		Later: true,
	}, URL: "http://login.example.com:" + port}
	for endpoint, address := range map[string]string{
		"127.0.0.1": "127.0.0.1", "::ffff:127.0.0.1": "127.0.0.1", "192.168.255.1": "192.168.255.1",
	} {
		in.Endpoint = endpoint
		_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
		activitytest.WantFinal(t, err, perch.ErrorSeedFailed, `seed step "http POST /seed": `+address+
			" is not a public address", "`network.private`", "the next `perch up` goes on from this step")
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests were sent", asked.Load())
	}
	in.Endpoint = "169.254.169.254"
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(t, err, perch.ErrorSeedFailed, "169.254.169.254 is a link-local address")
	in.Endpoint, w.policy.Network.Private = "127.0.0.1", []netip.Prefix{ownMachine}
	if out := must(w, of[*Seeds](w).environments.SeedDeployed, in); !out.Seeded || asked.Load() != 1 {
		t.Errorf("to the network that the policy names went %d requests: %+v", asked.Load(), out)
	}
}

// TestACustomTemplateCannotHideThatItIsOne gives its address a condition that does not hold: then
// the stack has no output PerchURL, and its other outputs look like those of Perch's template.
func TestACustomTemplateCannotHideThatItIsOne(t *testing.T) {
	template := strings.Replace(customTemplate, "Resources:", "Conditions: {Never: !Equals [a, b]}\nResources:", 1) +
		"  Site: {Condition: Never, Value: !Sub \"http://${Site}\"}\n"
	w, commit := newCustomWorld(t, map[string]string{
		"perch.yaml":           strings.Replace(customConfig, "  parameters", "  url_output: Site\n  parameters", 1),
		"deploy/template.yaml": template,
	})
	state := w.customUp(commit)
	if state.Endpoint != "not-for-perch.example.com" {
		t.Fatalf("got %+v, want outputs that look like Perch's", state)
	}
	must(w, of[*Seeds](w).SeedData, contract.SeedInput{
		Environment: activitytest.Environment("shop", "login"), Commit: commit, StackID: state.StackID,
	})
	settled := w.admit(w.request("login", commit)).Settled
	if allowed, _ := w.admission("login"); !allowed.Custom || settled == nil {
		t.Errorf("admitted %+v, settled %+v", allowed, settled)
	}
}

func TestThePolicyDoesNotLimitTheAddressesOfPerchsTemplate(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed}\n")
	app := serveApp(t, &in, func(http.ResponseWriter, *http.Request, int) {})
	allowed, _ := w.admission("login")
	must(w, of[*Readiness](w).prober.AwaitAnswer, ready.Question{
		URL: in.URL, Endpoint: in.Endpoint, HealthPath: allowed.HealthPath, Custom: allowed.Custom,
		Patience: time.Minute,
	})
	if out := must(w, of[*Seeds](w).environments.SeedDeployed, in); !out.Seeded || allowed.Custom || app.count() != 2 {
		t.Errorf("seeded %+v, admitted %+v, %d requests", out, allowed, app.count())
	}
}
