package probe

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

// dialTimeout limits how long a connection to an environment's endpoint may take.
const dialTimeout = 10 * time.Second

// Client returns an HTTP client that connects to endpoint, while HTTP and TLS use the host of
// address, because DNS may not have that host yet. It connects only to addresses that allowed
// permits, and follows no redirects. timeout limits a request together with its answer.
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

// dialed returns the host and port to connect to.
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
