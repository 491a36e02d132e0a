package probe

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

// dialTimeout bounds how long it may take until an environment's endpoint takes a connection.
const dialTimeout = 10 * time.Second

// Client is an HTTP client that connects to endpoint regardless of the address's host, with the
// address's host for HTTP and for TLS alike: DNS may not know that yet. It connects only where
// allowed says, follows no redirect, and timeout bounds a request with its answer.
func Client(address *url.URL, endpoint string, allowed Reach, timeout time.Duration) *http.Client {
	target := dialed(address, endpoint)
	dialer := &net.Dialer{Timeout: dialTimeout, Control: allowed.control}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{ServerName: address.Hostname()},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, target)
			},
		},
	}
}

// dialed is the host and port to connect to.
func dialed(address *url.URL, endpoint string) string {
	port := address.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[address.Scheme]
	}
	if endpoint == "" {
		endpoint = address.Hostname()
	}
	return net.JoinHostPort(endpoint, port)
}
