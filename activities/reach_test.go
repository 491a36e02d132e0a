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
)

var ownMachine = netip.MustParsePrefix("127.0.0.0/8")

func TestATemplateOfTheProjectsOwnLeadsToPublicAddressesOnly(t *testing.T) {
	for address, public := range map[string]bool{
		"3.120.0.1": true, "172.32.0.1": true, "192.167.0.1": true, "100.128.0.1": true, "2a05:d014::1": true, "2001:4860:4860::8888": true,
		"::ffff:3.120.0.1": true, "64:ff9b::3.120.0.1": true,
		"127.0.0.1": false, "127.255.0.1": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"100.64.0.1": false, "100.127.255.255": false, "0.0.0.0": false, "0.1.2.3": false, "192.0.0.8": false, "192.0.2.1": false, "192.88.99.1": false,
		"198.18.0.1": false, "198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::1": false, "::": false, "::10.0.0.1": false, "fc00::1": false, "fd12:3456:789a::1": false, "fd12::1%eth0": false, "fec0::1": false, "ff02::1": false,
		"100::1": false, "2001::1": false, "2001:db8::1": false, "2002:a00:1::1": false, "3fff::1": false, "64:ff9b:1::10.0.0.1": false,
		"::ffff:10.0.0.1": false, "::ffff:127.0.0.1": false, "64:ff9b::10.0.0.1": false, "64:ff9b::127.0.0.1": false,
	} {
		at := netip.MustParseAddr(address)
		if err := (reach{own: true}).admit(at); (err == nil) != public {
			t.Errorf("%s: %v", address, err)
		} else if err != nil {
			activitytest.WantWords(t, err.Error(), plain(at).String()+" is no public address", "`network.private`")
		}
		if err := (reach{}).admit(at); err != nil {
			t.Errorf("%s is refused where Perch's own template leads there: %v", address, err)
		}
	}
}

func TestThePolicyNamesPrivateNetworks(t *testing.T) {
	allowed := reach{own: true, private: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd12:3456:789a::/48")}}
	for address, admitted := range map[string]bool{
		"10.20.255.1": true, "::ffff:10.20.0.1": true, "64:ff9b::10.20.0.1": true, "fd12:3456:789a::1": true, "fd12:3456:789a::1%eth0": true,
		"10.21.0.1": false, "fd12:3456:789b::1": false, "127.0.0.1": false,
	} {
		if err := allowed.admit(netip.MustParseAddr(address)); (err == nil) != admitted {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestNoPolicyAllowsALinkLocalAddress(t *testing.T) {
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for _, address := range []string{"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fe80::1", "fe80::1%lo", "fd00:ec2::254", "fd00:ec2::254%lo"} {
		for _, allowed := range []reach{{}, {own: true}, {own: true, private: everything}} {
			if err := allowed.admit(netip.MustParseAddr(address)); err == nil || !strings.HasSuffix(err.Error(), "is a link-local address: no environment is there") {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
}

// listening is a server at a loopback address that counts its requests.
func listening(t *testing.T) (port string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	return portOf(t, server.URL), asked
}

func TestAwaitReadyAsksNoAddressThatAnOwnTemplateMayNotLeadTo(t *testing.T) {
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
		"by a name":         {"http://login.shop.localhost:" + port, "localhost", " is no public address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := activitytest.Try(of[*Readiness](w).await, probe{URL: c.url, Endpoint: c.endpoint, HealthPath: "/", Custom: true, Patience: time.Second})
			activitytest.WantFinal(t, err, perch.ErrorInvalid, c.url+" cannot be asked whether it is ready: ", c.address, "is no public address", "`network.private`", "the stack stays for inspection")
		})
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests were sent", asked.Load())
	}
	_, err := activitytest.Try(of[*Readiness](w).await, probe{URL: "http://login.shop.localhost", Endpoint: "169.254.169.254", Patience: time.Second})
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "169.254.169.254 is a link-local address")
	w.policy.Network.Private = []netip.Prefix{ownMachine}
	must(w, of[*Readiness](w).await, probe{URL: "http://login.shop.localhost:" + port, Endpoint: "127.0.0.1", HealthPath: "/", Custom: true, Patience: time.Second})
	if asked.Load() != 1 {
		t.Errorf("%d requests were sent to the network that the policy names", asked.Load())
	}
}

func TestAnHTTPStepGoesToNoAddressThatAnOwnTemplateMayNotLeadTo(t *testing.T) {
	port, asked := listening(t)
	w, commit := newOwnWorld(t, map[string]string{"perch.yaml": ownConfig + "  - http: {path: /seed}\n"})
	in := seedTarget{SeedInput: SeedInput{Project: "shop", Branch: "login", Commit: commit, StackID: w.ownUp(commit).StackID, Later: true}, URL: "http://login.example.com:" + port}
	for endpoint, address := range map[string]string{"127.0.0.1": "127.0.0.1", "::ffff:127.0.0.1": "127.0.0.1", "192.168.255.1": "192.168.255.1"} {
		in.Endpoint = endpoint
		_, err := activitytest.Try(of[*Seeds](w).seed, in)
		activitytest.WantFinal(t, err, perch.ErrorSeedFailed, `seed step "http POST /seed": `+address+" is no public address", "`network.private`", "the next `starter up` goes on from this step")
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests were sent", asked.Load())
	}
	in.Endpoint = "169.254.169.254"
	_, err := activitytest.Try(of[*Seeds](w).seed, in)
	activitytest.WantFinal(t, err, perch.ErrorSeedFailed, "169.254.169.254 is a link-local address")
	in.Endpoint, w.policy.Network.Private = "127.0.0.1", []netip.Prefix{ownMachine}
	if out := must(w, of[*Seeds](w).seed, in); !out.Seeded || asked.Load() != 1 {
		t.Errorf("to the network that the policy names went %d requests: %+v", asked.Load(), out)
	}
}

// TestAnOwnTemplateCannotHideThatItIsOne gives its address a condition that does not hold: then the stack has no output PerchURL, and its other outputs
// look like those of Perch's own template.
func TestAnOwnTemplateCannotHideThatItIsOne(t *testing.T) {
	template := strings.Replace(ownTemplate, "Resources:", "Conditions: {Never: !Equals [a, b]}\nResources:", 1) +
		"  Site: {Condition: Never, Value: !Sub \"http://${Site}\"}\n"
	w, commit := newOwnWorld(t, map[string]string{"perch.yaml": strings.Replace(ownConfig, "  parameters", "  url_output: Site\n  parameters", 1), "deploy/template.yaml": template})
	state := w.ownUp(commit)
	if state.Endpoint != "not-for-perch.example.com" {
		t.Fatalf("got %+v, want outputs that look like Perch's", state)
	}
	must(w, of[*Seeds](w).SeedData, SeedInput{Project: "shop", Branch: "login", Commit: commit, StackID: state.StackID})
	settled := w.admit(w.request("login", commit)).Settled
	if allowed, _ := w.admission("login"); !allowed.Custom || settled == nil {
		t.Errorf("admitted %+v, settled %+v", allowed, settled)
	}
}

func TestWherePerchsOwnTemplateLeadsThePolicyDoesNotBound(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed}\n")
	app := in.serve(t, func(http.ResponseWriter, *http.Request, int) {})
	allowed, _ := w.admission("login")
	must(w, of[*Readiness](w).await, probe{URL: in.URL, Endpoint: in.Endpoint, HealthPath: allowed.HealthPath, Custom: allowed.Custom, Patience: time.Minute})
	if out := must(w, of[*Seeds](w).seed, in); !out.Seeded || allowed.Custom || app.count() != 2 {
		t.Errorf("seeded %+v, admitted %+v, %d requests", out, allowed, app.count())
	}
}
