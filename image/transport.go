package image

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

const (
	// maxAnswer is the most bytes of one answer. A manifest may have 4 MiB (OCI Distribution
	// Specification: pushing manifests).
	maxAnswer = 4 << 20
	// maxHeader is the most bytes of the headers of one answer.
	maxHeader = 64 << 10
	// maxRequests is the most requests of one look-up, with its redirects; five are usual.
	maxRequests = 20
	// dialTimeout bounds a connection, answerTimeout the wait for the headers of an answer.
	dialTimeout   = 5 * time.Second
	answerTimeout = 10 * time.Second
)

// rejection is why a request is not made, or its answer not read.
type rejection struct{ reason string }

func (r *rejection) Error() string { return r.reason }

func reject(format string, args ...any) error {
	return &rejection{fmt.Sprintf(format, args...)}
}

// newBase makes the requests of a client: to the addresses that the configuration admits, and
// through no proxy.
func newBase(config Config) http.RoundTripper {
	dialer := &net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		dialed, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if err := config.Admit(dialed.Addr()); err != nil {
			return reject("%s", err)
		}
		return nil
	}}
	base := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: answerTimeout,
		MaxResponseHeaderBytes: maxHeader, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}
	if config.Endpoint == "" {
		return base
	}
	return &redirected{base: base, endpoint: config.Endpoint}
}

// redirected sends every request to one endpoint, with the host that it is for.
type redirected struct {
	base     http.RoundTripper
	endpoint string
}

func (r *redirected) RoundTrip(request *http.Request) (*http.Response, error) {
	to, err := url.Parse(r.endpoint)
	if err != nil {
		return nil, reject("the endpoint %q is not an address", r.endpoint)
	}
	sent := request.Clone(request.Context())
	sent.Host, sent.URL.Scheme, sent.URL.Host = request.URL.Host, to.Scheme, to.Host
	answer, err := r.base.RoundTrip(sent)
	if answer != nil {
		answer.Request = request // A redirect is relative to what was requested.
	}
	return answer, err
}

// bounded makes only requests that a registry may lead to: those to itself, and, encrypted, those
// to its documented hosts. That goes for redirects and for the realms of tokens, too.
type bounded struct {
	base     http.RoundTripper
	registry name.Registry
	requests atomic.Int32
}

func (b *bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	host, scheme := request.URL.Host, request.URL.Scheme
	// Only a registry on this machine or in a private network may do without encryption.
	plain := scheme == "http" && host == b.registry.RegistryStr() && b.registry.Scheme() == scheme
	if b.requests.Add(1) > maxRequests {
		return nil, reject("it wants more than %d requests, redirects included", maxRequests)
	}
	if scheme != "https" && !plain || !leadsTo(b.registry, host) {
		return nil, reject("it leads to %s://%s, which is none of the documented hosts of %s",
			scheme, host, b.registry.RegistryStr())
	}
	answer, err := b.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answer.Body = &limited{ReadCloser: answer.Body, left: maxAnswer}
	return answer, nil
}

// limited is a body of at most so many bytes; a longer one is an error.
type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, reject("it answers with more than %d MiB", maxAnswer>>20)
	}
	return n, err
}
