package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// login returns the login that the proxy passes on.
func (p *TrustedProxy) login(r *http.Request) (string, *trouble) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	address := from.Addr().Unmap()
	if err != nil ||
		!slices.ContainsFunc(p.From, func(trusted netip.Prefix) bool { return trusted.Contains(address) }) {
		return "", &trouble{
			status: http.StatusForbidden, title: "Not through the proxy",
			sentence: "This dashboard is reached through a proxy that signs people in, and this request came from " +
				"another address.",
		}
	}
	named := r.Header.Values(p.Header)
	if len(named) != 1 || !wholeLogin.MatchString(named[0]) {
		return "", &trouble{
			status: http.StatusUnauthorized, title: "You are not signed in",
			sentence: fmt.Sprintf(
				"The proxy in front of this dashboard did not name one GitHub login in the header %s. "+
					"Sign in there.",
				p.Header,
			),
			back: "/", backText: "Try again",
		}
	}
	return named[0], nil
}
