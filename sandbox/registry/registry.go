// Package registry is a container registry in memory that stands for every registry: an image at
// ghcr.io is its repository ghcr.io/NAME.
package registry

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Password is what Amazon ECR's GetAuthorizationToken gives for the user AWS.
const Password = "sandbox"

// Config is how a registry behaves.
type Config struct {
	// Strict answers only with images that were pushed. Otherwise every tag is an image for
	// linux/amd64 and linux/arm64.
	Strict bool
	// Fault is the failure of a request for an image; struck is false for none.
	Fault func(image string) (status int, code, message string, struck bool)
}

// Registry is the registry.
type Registry struct {
	config Config
	images http.Handler
}

// New makes an empty registry.
func New(config Config) *Registry {
	return &Registry{config: config, images: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
}

// manifestPath is the address of a manifest: repository, then tag or digest.
var manifestPath = regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`)

// ServeHTTP answers by the protocol of registries, the OCI Distribution Specification.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	host := registryOf(request.Host)
	if host != "" {
		request.URL.Path = strings.Replace(request.URL.Path, "/v2/", "/v2/"+host+"/", 1)
	}
	if request.URL.Path == "/v2/"+host+"/" {
		request.URL.Path = "/v2/"
	}
	if ecr.MatchString(host) && !signedIn(request) {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm="https://%s/",service="ecr.amazonaws.com"`, host))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	part := manifestPath.FindStringSubmatch(request.URL.Path)
	if part == nil || request.Method != http.MethodGet && request.Method != http.MethodHead {
		r.images.ServeHTTP(w, request)
		return
	}
	r.serveManifest(w, request, part[1], part[2])
}

func (r *Registry) serveManifest(w http.ResponseWriter, request *http.Request, repository, which string) {
	separator := ":"
	if strings.Contains(which, ":") {
		separator = "@"
	}
	image := repository + separator + which
	if r.config.Fault != nil {
		if status, code, message, struck := r.config.Fault(image); struck {
			writeError(w, status, code, message)
			return
		}
	}
	if !r.config.Strict && !r.has(request.URL.Path) {
		if separator == "@" { // There is no image with that digest to make.
			writeError(w, http.StatusServiceUnavailable, "UNAVAILABLE", "the sandbox has no image with this digest")
			return
		}
		if _, err := r.Put(image, "amd64", "arm64"); err != nil {
			writeError(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
			return
		}
	}
	r.images.ServeHTTP(w, request)
}

func (r *Registry) has(path string) bool {
	recorder := httptest.NewRecorder()
	r.images.ServeHTTP(recorder, httptest.NewRequest(http.MethodHead, path, nil))
	return recorder.Code == http.StatusOK
}

// Put makes an image for Linux on the architectures and returns its digest. The same image and
// architectures make the same digest.
func (r *Registry) Put(image string, architectures ...string) (digest string, err error) {
	return r.PutVersion(image, "", architectures...)
}

// PutVersion is Put of an image that differs by its version from any other: a tag that has moved.
func (r *Registry) PutVersion(image, version string, architectures ...string) (digest string, err error) {
	// The host is of no importance: the request goes to this handler.
	to, err := name.NewTag("localhost/"+image, name.Insecure)
	if err != nil {
		return "", fmt.Errorf("put image %s: %w", image, err)
	}
	var index v1.ImageIndex = empty.Index
	for _, architecture := range architectures {
		one, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
			OS: "linux", Architecture: architecture,
			Config: v1.Config{Labels: map[string]string{"image": image, "version": version}},
			RootFS: v1.RootFS{Type: "layers"},
		})
		if err != nil {
			return "", fmt.Errorf("put image %s: %w", image, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: one, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	if err := remote.WriteIndex(to, index, remote.WithTransport(inProcess{r.images})); err != nil {
		return "", fmt.Errorf("put image %s: %w", image, err)
	}
	hash, err := index.Digest()
	return hash.String(), err
}

// inProcess makes requests of a handler without a connection.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := request.Clone(request.Context())
	if sent.Body == nil {
		sent.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, sent)
	answer := recorder.Result()
	answer.Request = request
	return answer, nil
}

// registryOf is the registry that a request is for; empty if it names this machine, as those do
// that push.
func registryOf(host string) string {
	name, _, found := strings.Cut(host, ":")
	switch {
	case name == "localhost" || name == "127.0.0.1":
		return ""
	case host == "index.docker.io":
		return "docker.io"
	case found:
		return strings.Replace(host, ":", "-", 1)
	}
	return host
}

// ecr matches the hosts of Amazon ECR, which wants a login.
var ecr = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.`)

func signedIn(request *http.Request) bool {
	user, password, _ := request.BasicAuth()
	return user == "AWS" && password == Password
}

// Login is the login for Amazon ECR as GetAuthorizationToken gives it.
func Login() string { return base64.StdEncoding.EncodeToString([]byte("AWS:" + Password)) }

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}
