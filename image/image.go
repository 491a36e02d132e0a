// Package image looks container images up in their registries: whether an image exists, its
// digest, and the platforms that it is for. It downloads no layer.
package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// lookTimeout bounds one look-up with all its requests.
const lookTimeout = 20 * time.Second

// Config is what a Client may do.
type Config struct {
	// Registries are the only hosts that are asked, as images name them: `ghcr.io`, `docker.io`.
	Registries []string
	// Endpoint is the address that is asked in place of every registry, with the registry's own
	// host name: `http://127.0.0.1:4567`. If it is empty, the registries themselves are asked.
	Endpoint string
	// Admit rejects an IP address, after DNS, that must not be connected to.
	Admit func(netip.Addr) error
	// Login is the user and the password for a registry; both are empty if it takes none.
	Login func(ctx context.Context, registry string) (user, password string, err error)
}

// Client looks images up. It may be used by many goroutines.
type Client struct {
	config  Config
	base    http.RoundTripper
	timeout time.Duration
}

// New makes a client.
func New(config Config) *Client {
	return &Client{config: config, base: newBase(config), timeout: lookTimeout}
}

// Found is an image that exists.
type Found struct {
	// Pinned is the image by its digest: `ghcr.io/acme/shop@sha256:...`.
	Pinned string
	// Platforms are what the image is for, such as `linux/amd64`; empty if Unknown says why.
	Platforms []string
	Unknown   string
}

// RunsOn reports whether the image is for Linux on the architecture, `amd64` or `arm64`. An image
// whose platforms are not known may be.
func (f Found) RunsOn(architecture string) bool {
	return len(f.Platforms) == 0 || slices.Contains(f.Platforms, "linux/"+architecture)
}

// Missing says that the registry answers and does not have the image.
type Missing struct{ Image string }

func (m *Missing) Error() string {
	return fmt.Sprintf("image %s is not in its registry", m.Image)
}

// Unasked says why nothing is known of the image: its registry cannot or must not be asked.
type Unasked struct{ Image, Reason string }

func (u *Unasked) Error() string {
	return fmt.Sprintf("the registry of image %s cannot be asked: %s", u.Image, u.Reason)
}

// Look asks the image's registry for it. The error is a *Missing, an *Unasked, or that of ctx.
func (c *Client) Look(ctx context.Context, image string) (Found, error) {
	asked, stop := context.WithTimeout(ctx, c.timeout)
	defer stop()
	found, err := c.look(asked, image)
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return Found{}, ctx.Err()
	case isMissing(err):
		return Found{}, &Missing{Image: image}
	case asked.Err() != nil:
		err = fmt.Errorf("it did not answer within %s", c.timeout)
	}
	return Found{}, &Unasked{Image: image, Reason: words(err)}
}

func (c *Client) look(ctx context.Context, image string) (Found, error) {
	reference, err := name.ParseReference(image)
	if err != nil {
		return Found{}, err
	}
	registry := registryName(reference)
	if !slices.Contains(c.config.Registries, registry) {
		return Found{}, fmt.Errorf("%s is not in `images.registries` of the worker's policy", registry)
	}
	options, err := c.options(ctx, reference)
	if err != nil {
		return Found{}, err
	}
	// Docker Hub counts a GET of a manifest as a pull and a HEAD as none (Docker docs: Docker Hub
	// usage and limits), and Perch looks up an image often while it waits for it.
	head, err := remote.Head(reference, options...)
	if err != nil {
		return Found{}, err
	}
	digest := reference.Context().Digest(head.Digest.String())
	found := Found{Pinned: pinned(image, head.Digest)}
	found.Platforms, found.Unknown, err = platforms(digest, options)
	return found, err
}

func (c *Client) options(ctx context.Context, reference name.Reference) ([]remote.Option, error) {
	login := authn.Anonymous
	if c.config.Login != nil {
		user, password, err := c.config.Login(ctx, registryName(reference))
		if err != nil {
			return nil, err
		}
		if user != "" {
			login = &authn.Basic{Username: user, Password: password}
		}
	}
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuth(login), remote.WithUserAgent("perch"),
		remote.WithTransport(&bounded{base: c.base, registry: reference.Context().Registry}),
		// Temporal tries again; a wait looks again.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithRetryStatusCodes(),
		remote.WithRetryPredicate(func(error) bool { return false }),
	}, nil
}

// registryName is the host of an image as people write it. Docker Hub has another one for its API.
func registryName(reference name.Reference) string {
	if host := reference.Context().RegistryStr(); host != name.DefaultRegistry {
		return host
	}
	return dockerHub
}

// pinned is the image as it is written, with the digest in place of its tag.
func pinned(image string, digest v1.Hash) string {
	repository, _, found := strings.Cut(image, "@")
	if found {
		return image
	}
	if colon := strings.LastIndexByte(repository, ':'); colon > strings.LastIndexByte(repository, '/') {
		repository = repository[:colon]
	}
	return repository + "@" + digest.String()
}

// isMissing reports whether a registry says that it has no such image or repository.
func isMissing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound &&
		answer.Request != nil && strings.Contains(answer.Request.URL.Path, "/manifests/")
}

// words say what went wrong in one line of bounded length: a registry may answer with a page.
func words(err error) string {
	var (
		rejected *rejection
		answer   *transport.Error
	)
	text := err.Error()
	switch {
	case errors.As(err, &rejected):
		text = rejected.Error()
	case errors.As(err, &answer) && answer.StatusCode == http.StatusUnauthorized,
		errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden:
		text = fmt.Sprintf(
			"it denies access (%d): the image is private, or there is no such repository", answer.StatusCode,
		)
	case errors.As(err, &answer) && answer.StatusCode == http.StatusTooManyRequests:
		text = "it wants fewer requests (429): its limit for requests without login is reached"
	case errors.As(err, &answer):
		text = fmt.Sprintf("it answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "..."
	}
	return text
}

// maxWords is the most bytes of what went wrong.
const maxWords = 300
