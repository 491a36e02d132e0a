package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// start serves a registry and returns its address.
func start(t *testing.T, config Config) (address string, r *Registry) {
	t.Helper()
	r = New(config)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), r
}

// digest returns the digest of the image, whose host the client reaches at the address.
func digest(t *testing.T, address, image string, options ...remote.Option) (string, error) {
	t.Helper()
	reference, err := name.ParseReference(image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	found, err := remote.Get(reference, append(options, remote.WithTransport(led{address}))...)
	if err != nil {
		return "", err
	}
	return found.Digest.String(), nil
}

// led sends every request to one address, with the host that the request is for.
type led struct{ address string }

func (l led) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := request.Clone(request.Context())
	sent.Host, sent.URL.Scheme, sent.URL.Host = request.URL.Host, "http", l.address
	return http.DefaultTransport.RoundTrip(sent)
}

func TestEveryTagHasAStandInThatStaysTheSame(t *testing.T) {
	first, _ := start(t, Config{})
	second, _ := start(t, Config{})
	seen := map[string]bool{}
	for _, image := range []string{
		"ghcr.io/acme/shop:1", "ghcr.io/acme/shop:2", "quay.io/acme/shop:1", "nginx:1",
		"registry.example.com:5000/shop:1",
	} {
		one, err := digest(t, first, image)
		if err != nil {
			t.Fatalf("%s: %v", image, err)
		}
		if other, err := digest(t, second, image); err != nil || other != one || seen[one] {
			t.Errorf("%s is %s, then %s, %v", image, one, other, err)
		}
		seen[one] = true
	}
	if _, err := digest(
		t, first, "ghcr.io/acme/shop@sha256:"+strings.Repeat("0", 64), remote.WithRetryStatusCodes(),
	); err == nil ||
		!strings.Contains(err.Error(), "UNAVAILABLE") {
		t.Errorf("error = %v, want none that says that the image is missing", err)
	}
}

func TestAStrictRegistryHasWhatWasPushed(t *testing.T) {
	address, _ := start(t, Config{Strict: true})
	if _, err := digest(
		t, address, "ghcr.io/acme/shop:1",
	); err == nil || !strings.Contains(err.Error(), "NAME_UNKNOWN") {
		t.Errorf("error = %v", err)
	}
	image, err := random.Image(16, 1)
	if err != nil {
		t.Fatal(err)
	}
	to, err := name.NewTag(address + "/ghcr.io/acme/shop:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(to, image); err != nil {
		t.Fatal(err)
	}
	want, _ := image.Digest()
	if got, err := digest(t, address, "ghcr.io/acme/shop:1"); err != nil || got != want.String() {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestECRWantsALogin(t *testing.T) {
	address, _ := start(t, Config{})
	const image = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/shop:1"
	if _, err := digest(t, address, image); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("error = %v", err)
	}
	if _, err := digest(
		t, address, image, remote.WithAuth(&authn.Basic{Username: "AWS", Password: Password}),
	); err != nil {
		t.Error(err)
	}
}

func TestAFaultStrikesOneImage(t *testing.T) {
	address, _ := start(t, Config{Fault: func(image string) (int, string, string, bool) {
		return http.StatusTooManyRequests, "TOOMANYREQUESTS", fmt.Sprintf(
			"%s was requested too often",
			image,
		), image == "docker.io/library/nginx:1"
	}})
	if _, err := digest(t, address, "nginx:1", remote.WithRetryStatusCodes()); err == nil ||
		!strings.Contains(err.Error(), "docker.io/library/nginx:1 was requested too often") {
		t.Errorf("error = %v", err)
	}
	if _, err := digest(t, address, "nginx:2"); err != nil {
		t.Error(err)
	}
}
