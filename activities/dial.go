package activities

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// dialTimeout bounds how long it may take until an environment's endpoint takes a connection.
const dialTimeout = 10 * time.Second

// dialing is a client that connects to endpoint whatever the address's host is, with the address's host for HTTP and for TLS alike: DNS may not
// know that yet. It follows no redirect, and timeout bounds a request with its answer.
func dialing(address *url.URL, endpoint string, timeout time.Duration) *http.Client {
	target := dialed(address, endpoint)
	dialer := &net.Dialer{Timeout: dialTimeout, Control: notLinkLocal}
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

// machineLocal is where EC2 has by IPv6 what it has at link-local addresses by IPv4 (AWS docs: Use the Instance Metadata Service).
var machineLocal = netip.MustParsePrefix("fd00:ec2::/32")

// notLinkLocal refuses the addresses where machines keep what only they may know, such as the instance metadata of EC2: no environment is
// there, and a template of a branch's own decides where its outputs point.
func notLinkLocal(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err == nil && (at.Addr().Unmap().IsLinkLocalUnicast() || machineLocal.Contains(at.Addr())) {
		err = fmt.Errorf("%s is a link-local address: no environment is there", at.Addr())
	}
	return err
}
