// Package registry is a container registry in memory that answers in place of every other registry.
// An image NAME at ghcr.io is its repository ghcr.io/NAME.
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

// Password is the password that Amazon ECR's GetAuthorizationToken returns for the user AWS.
const Password = "sandbox"

// Config configures a registry.
type Config struct {
	// Strict means that only images that were pushed exist. Otherwise every tag exists, as an image
	// for linux/amd64 and linux/arm64.
	Strict bool
	// Fault returns the injected error for a request for an image; struck is false if there is
	// none.
	Fault func(image string) (status int, code, message string, struck bool)
}

// Registry is a container registry in memory.
type Registry struct {
	config Config
	images http.Handler
}

// New returns an empty registry.
func New(config Config) *Registry {
	return &Registry{config: config, images: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
}

// manifestPath matches the path of a manifest: the repository, then a tag or digest.
var manifestPath = regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`)

// ServeHTTP implements the protocol of registries, the OCI Distribution Specification.
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
		if separator == "@" { // An image cannot be created for a given digest.
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

// Put creates an image for Linux on the architectures and returns its digest. The same image and
// architectures always have the same digest.
func (r *Registry) Put(image string, architectures ...string) (digest string, err error) {
	return r.PutVersion(image, "", architectures...)
}

// PutVersion is Put for an image whose content depends on version, so a tag can move to another
// digest.
func (r *Registry) PutVersion(image, version string, architectures ...string) (digest string, err error) {
	// The host does not matter, because the request goes to this handler.
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

// inProcess sends requests to a handler without a connection.
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

// registryOf returns the name of the registry that a request is for. It is empty if the host is
// this machine, as when an image is pushed.
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

// ecr matches the hosts of Amazon ECR, which requires a login.
var ecr = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.`)

func signedIn(request *http.Request) bool {
	user, password, _ := request.BasicAuth()
	return user == "AWS" && password == Password
}

// Login returns the login for Amazon ECR in the form of GetAuthorizationToken.
func Login() string { return base64.StdEncoding.EncodeToString([]byte("AWS:" + Password)) }

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}
