package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func everywhere(netip.Addr) error { return nil }

// at is a client for which every registry is at the server.
func at(server *httptest.Server, change ...func(*Config)) *Client {
	config := Config{
		Registries: []string{"docker.io", "ghcr.io", "registry.test"},
		Endpoint:   server.URL,
		Admit:      everywhere,
	}
	for _, one := range change {
		one(&config)
	}
	return New(config)
}

func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// working is a registry that works.
func working() http.Handler {
	return registry.New(registry.Logger(log.New(io.Discard, "", 0)))
}

func singleImage(t *testing.T, architecture string) v1.Image {
	t.Helper()
	layers, err := random.Image(16, 1)
	if err != nil {
		t.Fatal(err)
	}
	single, err := mutate.ConfigFile(layers, &v1.ConfigFile{OS: "linux", Architecture: architecture})
	if err != nil {
		t.Fatal(err)
	}
	return single
}

func index(t *testing.T, architectures ...string) v1.ImageIndex {
	t.Helper()
	var all v1.ImageIndex = empty.Index
	for _, architecture := range append(architectures, "unknown") {
		system := "linux"
		if architecture == "unknown" {
			system = architecture
		}
		all = mutate.AppendManifests(all, mutate.IndexAddendum{
			Add:        singleImage(t, architecture),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: system, Architecture: architecture}},
		})
	}
	return all
}

func push(t *testing.T, server *httptest.Server, reference string, what any) (digest string) {
	t.Helper()
	to, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/" + reference)
	if err != nil {
		t.Fatal(err)
	}
	var hash v1.Hash
	switch what := what.(type) {
	case v1.Image:
		hash, _ = what.Digest()
		err = remote.Write(to, what)
	case v1.ImageIndex:
		hash, _ = what.Digest()
		err = remote.WriteIndex(to, what)
	}
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

func TestAnImageIsFoundWithItsDigestAndPlatforms(t *testing.T) {
	server := serve(t, working())
	several := push(t, server, "acme/shop:several", index(t, "arm64", "amd64"))
	single := push(t, server, "acme/shop:single", singleImage(t, "arm64"))
	hub := push(t, server, "library/nginx:1", singleImage(t, "amd64"))
	both := []string{"linux/amd64", "linux/arm64"}
	for written, want := range map[string]Found{
		"ghcr.io/acme/shop:several":       {Pinned: "ghcr.io/acme/shop@" + several, Platforms: both},
		"ghcr.io/acme/shop:single":        {Pinned: "ghcr.io/acme/shop@" + single, Platforms: both[1:]},
		"ghcr.io/acme/shop@" + single:     {Pinned: "ghcr.io/acme/shop@" + single, Platforms: both[1:]},
		"ghcr.io/acme/shop:any@" + single: {Pinned: "ghcr.io/acme/shop:any@" + single, Platforms: both[1:]},
		"nginx:1":                         {Pinned: "nginx@" + hub, Platforms: both[:1]},
		"docker.io/library/nginx:1":       {Pinned: "docker.io/library/nginx@" + hub, Platforms: both[:1]},
		"registry.test/acme/shop:single":  {Pinned: "registry.test/acme/shop@" + single, Platforms: both[1:]},
	} {
		got, err := at(server).Look(t.Context(), written)
		if err != nil {
			t.Errorf("%s: %v", written, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", written, diff)
		}
	}
}

func TestAnImageRunsOnItsArchitecturesOnly(t *testing.T) {
	found := Found{Platforms: []string{"linux/amd64", "windows/arm64"}}
	if !found.RunsOn("amd64") || found.RunsOn("arm64") {
		t.Errorf("%v", found)
	}
	if !(Found{Unknown: "any reason"}).RunsOn("arm64") {
		t.Error("an image of which the platforms are not known is taken for a wrong one")
	}
}

func TestAnImageThatIsNotThereIsMissing(t *testing.T) {
	server := serve(t, working())
	push(t, server, "acme/shop:1", singleImage(t, "amd64"))
	for _, image := range []string{
		"ghcr.io/acme/shop:2", "ghcr.io/acme/other:1", "ghcr.io/acme/shop@sha256:" + strings.Repeat("0", 64),
	} {
		var missing *Missing
		if _, err := at(server).Look(t.Context(), image); !errors.As(err, &missing) || missing.Image != image {
			t.Errorf("%s: error = %v", image, err)
		}
	}
}

// protected is a working registry behind a challenge.
func protected(challenge string, admits func(*http.Request) bool) http.Handler {
	inner := working()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !admits(r) {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func TestATokenIsFetchedFromADocumentedHost(t *testing.T) {
	handler := protected(
		`Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`,
		func(r *http.Request) bool {
			return r.Header.Get("Authorization") == "Bearer secret" || r.Host != "index.docker.io"
		},
	)
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "auth.docker.io" {
			fmt.Fprint(w, `{"token": "secret"}`)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	digest := push(t, server, "library/nginx:1", singleImage(t, "amd64"))
	found, err := at(server).Look(t.Context(), "nginx:1")
	if err != nil || found.Pinned != "nginx@"+digest {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestALoginIsSentToItsRegistry(t *testing.T) {
	server := serve(t, protected(`Basic realm="registry"`, func(r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		return user == "AWS" && password == "secret" || r.Host != "registry.test"
	}))
	push(t, server, "shop:1", singleImage(t, "amd64"))
	login := func(c *Config) {
		c.Login = func(_ context.Context, host string) (string, string, error) {
			if host != "registry.test" {
				return "", "", fmt.Errorf("no login for %s", host)
			}
			return "AWS", "secret", nil
		}
	}
	if _, err := at(server, login).Look(t.Context(), "registry.test/shop:1"); err != nil {
		t.Error(err)
	}
	unasked(t, at(server), "registry.test/shop:1", "it denies access (401)")
	unasked(t, at(server, login), "ghcr.io/shop:1", "no login for ghcr.io")
}

// unasked checks that nothing is known of the image, and the words why.
func unasked(t *testing.T, client *Client, image string, words ...string) {
	t.Helper()
	_, err := client.Look(t.Context(), image)
	var unasked *Unasked
	if !errors.As(err, &unasked) {
		t.Fatalf("%s: error = %v", image, err)
	}
	for _, word := range words {
		if !strings.Contains(unasked.Reason, word) {
			t.Errorf("%s: %q does not say %q", image, unasked.Reason, word)
		}
	}
	if len(unasked.Reason) > maxWords+3 || strings.Contains(unasked.Reason, "\n") {
		t.Errorf("%s: the reason is not a short line: %q", image, unasked.Reason)
	}
}

func TestARegistryThatIsNotListedIsNotAsked(t *testing.T) {
	server := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	for _, image := range []string{
		"quay.io/acme/shop:1", "ghcr.io.example.com/shop:1", "GHCR.IO/acme/shop:1", "127.0.0.1/shop:1",
		"ghcr.io:8443/acme/shop:1",
	} {
		unasked(t, at(server), image)
	}
	unasked(t, at(server), "quay.io/acme/shop:1", "quay.io is not in `images.registries`")
}

func TestAnAddressThatIsNotAdmittedIsNotConnectedTo(t *testing.T) {
	server := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	client := New(Config{
		Registries: []string{server.Listener.Addr().String()},
		Admit:      func(at netip.Addr) error { return fmt.Errorf("%s is not a public address", at) },
	})
	unasked(t, client, server.Listener.Addr().String()+"/shop:1", "127.0.0.1 is not a public address")
}

func TestHostileRegistriesHaveAClearOutcome(t *testing.T) {
	manifests := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				w.WriteHeader(http.StatusOK)
				return
			}
			answer(w, r)
		}
	}
	redirect := func(to string) http.HandlerFunc {
		return manifests(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
	}
	realm := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+to+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	digest := "sha256:" + strings.Repeat("0", 64)
	described := func(contentType string, body func(io.Writer)) http.HandlerFunc {
		return manifests(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Docker-Content-Digest", digest)
			if r.Method == http.MethodHead {
				w.Header().Set("Content-Length", "10")
				return
			}
			body(w)
		})
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		words  []string
	}{
		"a redirect to the metadata of the instance": {
			redirect("http://169.254.169.254/latest/meta-data/"), []string{"169.254.169.254"},
		},
		"a redirect to another host": {
			redirect("https://attacker.example/v2/"),
			[]string{"attacker.example", "none of the documented hosts of ghcr.io"},
		},
		"a redirect without encryption": {
			redirect("http://ghcr.io/v2/acme/shop/manifests/1"), []string{"more than 20 requests"},
		},
		"a redirect to itself": {
			redirect("https://ghcr.io/v2/acme/shop/manifests/1"), []string{"more than 20 requests"},
		},
		"a realm at another host": {
			realm("https://attacker.example/token"),
			[]string{"attacker.example", "none of the documented hosts of ghcr.io"},
		},
		"a realm at a link-local address": {realm("http://169.254.169.254/token"), []string{"realm"}},
		"a realm that is none":            {realm("::"), nil},
		"a manifest without end": {described("application/vnd.oci.image.index.v1+json", func(w io.Writer) {
			for range 5 << 10 {
				fmt.Fprint(w, strings.Repeat(" ", 1<<10))
			}
		}), []string{"more than 4 MiB"}},
		"another manifest than the digest says": {
			described("application/vnd.oci.image.index.v1+json", func(w io.Writer) { fmt.Fprint(w, "{}") }),
			[]string{"does not match"},
		},
		"a page in place of a manifest": {
			manifests(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Sign in</html>") }),
			[]string{"Docker-Content-Digest"},
		},
		"a page in place of a registry": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("no such page\n", 1000), http.StatusNotFound)
		}, []string{"it answers 404"}},
		"an error": {
			manifests(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }),
			[]string{"it answers 502 Bad Gateway"},
		},
		"a limit": {
			manifests(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }),
			[]string{"429"},
		},
		"no right to see": {
			manifests(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }),
			[]string{"it denies access (403): the image is private, or there is no such repository"},
		},
		"an end in the middle of an answer": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"EOF"},
		},
		"headers without end": {
			func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) },
			[]string{"header"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, test.answer)
			unasked(t, at(server), "ghcr.io/acme/shop:1", test.words...)
		})
	}
}

func TestAPageWithTheDigestOfAnImageIsNotAnImage(t *testing.T) {
	page := "<html>Sign in</html>"
	hash, _, err := v1.SHA256(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Docker-Content-Digest", hash.String())
		w.Header().Set("Content-Length", fmt.Sprint(len(page)))
		fmt.Fprint(w, page)
	}))
	unasked(t, at(server), "ghcr.io/acme/shop:1", `"text/html"`, "not a manifest of an image")
}

func TestARegistryThatHangsIsNotWaitedForLongerThanTheCaller(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	server := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	}))
	if _, err := at(server).Look(ctx, "ghcr.io/acme/shop:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

func TestARegistryThatHangsCannotBeAsked(t *testing.T) {
	server := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	client := at(server)
	client.timeout = 50 * time.Millisecond
	unasked(t, client, "ghcr.io/acme/shop:1", "it did not answer within 50ms")
}

func TestAnImageOfWhichOnlyTheArchitectureCannotBeReadIsFound(t *testing.T) {
	inner := working()
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "ghcr.io" && strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, "https://attacker.example/blob", http.StatusTemporaryRedirect)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	digest := push(t, server, "acme/shop:1", singleImage(t, "amd64"))
	found, err := at(server).Look(t.Context(), "ghcr.io/acme/shop:1")
	if err != nil || found.Pinned != "ghcr.io/acme/shop@"+digest || len(found.Platforms) != 0 ||
		!strings.Contains(found.Unknown, "attacker.example") {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestAHostIsLedToByItsOwnRegistryOnly(t *testing.T) {
	for _, test := range []struct {
		registry, host string
		want           bool
	}{
		{"ghcr.io", "ghcr.io", true},
		{"ghcr.io", "pkg-containers.githubusercontent.com", true},
		{"ghcr.io", "auth.docker.io", false},
		{"ghcr.io", "evilghcr.io", false},
		{"docker.io", "auth.docker.io", true},
		{"docker.io", "production.cloudflare.docker.com", true},
		{"public.ecr.aws", "d5l0dvt14r5h8.cloudfront.net", true},
		{"public.ecr.aws", "d000000000000.cloudfront.net", false},
		{
			"123456789012.dkr.ecr.eu-central-1.amazonaws.com",
			"prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com", true,
		},
		{"123456789012.dkr.ecr.eu-central-1.amazonaws.com", "attacker.s3.eu-central-1.amazonaws.com", false},
		{
			"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
			"prod-cn-north-1-starport-layer-bucket.s3.cn-north-1.amazonaws.com.cn", true,
		},
		{"registry.example.com", "cdn.registry.example.com", true},
		{"registry.example.com", "example.com", false},
	} {
		registry, err := name.NewRegistry(test.registry)
		if err != nil {
			t.Fatal(err)
		}
		if got := leadsTo(registry, test.host); got != test.want {
			t.Errorf("%s leads to %s: %t", test.registry, test.host, got)
		}
	}
}
