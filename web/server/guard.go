package server

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"perch"
	"perch/readapi"
)

// contentPolicy is a Content-Security-Policy. It restricts pages to loading from and sending to the
// dashboard, and forbids framing.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard rejects requests that are not for the dashboard's address, and cross-origin requests that
// would change something.
func (d *Dashboard) guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(d.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.Logger.Warn("forged request", "path", r.URL.Path, "origin", r.Header.Get("Origin"), "from", r.RemoteAddr)
		d.tell(w, r, &trouble{
			status: http.StatusForbidden, title: "Not from this dashboard",
			sentence: "This request was sent by a page of another address, so nothing was " +
				"done.", back: "/", backText: "All environments",
		})
	})))
	protected := crossOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.setHeaders(w.Header())
		if !sameHost(r.Host, d.PublicURL) {
			// The cause is DNS rebinding, or a proxy that does not pass on the host name.
			http.Error(w, fmt.Sprintf("This dashboard is at %s, and was asked as %s. "+
				"A proxy in front of it must pass on the header Host.", d.PublicURL, r.Host),
				http.StatusMisdirectedRequest)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// setHeaders sets the headers of every response. The referrer is only sent within the dashboard.
// Without any referrer, browsers would send `Origin: null` with the dashboard's forms.
func (d *Dashboard) setHeaders(header http.Header) {
	header.Set("Content-Security-Policy", contentPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if d.PublicURL.Scheme == "https" {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// sameHost reports whether a request's host is that of the address.
func sameHost(host string, address *url.URL) bool {
	defaults := map[string]string{"http": "80", "https": "443"}
	split := func(host string) (name, port string) {
		name, port, err := net.SplitHostPort(host)
		if err != nil {
			return strings.Trim(host, "[]"), defaults[address.Scheme]
		}
		return name, port
	}
	name, port := split(host)
	wantedName, wantedPort := split(address.Host)
	return strings.EqualFold(strings.TrimSuffix(name, "."), wantedName) && port == wantedPort
}

// place rejects all requests if an environment's application could set cookies for the dashboard's
// address. The environments' addresses come from the worker.
func (d *Dashboard) place(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/static/") {
			next.ServeHTTP(w, r)
			return
		}
		overview := d.lastOverview()
		if overview == nil {
			asked, err := d.askOverview(r.Context())
			if err != nil {
				d.tell(w, r, d.readTrouble(err, ""))
				return
			}
			overview = &asked
		}
		if problem := misplaced(d.PublicURL.Hostname(), *overview); problem != "" {
			d.tell(w, r, &trouble{
				status: http.StatusServiceUnavailable, title: "This dashboard is at the wrong address",
				sentence: problem,
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// misplaced explains why the dashboard may not be served at host; empty if it may. An application
// can set cookies for its host and for the domain above it, and so for every host below that
// domain. Addresses of environments of kind branch are ignored. A branch's template can output any
// address, and must not be able to stop the dashboard.
func misplaced(host string, overview readapi.Overview) string {
	if atOrBelow(host, overview.Domain) {
		return fmt.Sprintf("The dashboard's address %s is at or below the environments' domain %s, and applications "+
			"there can set its cookies. "+
			"Give it an address elsewhere, and set PERCH_PUBLIC_URL to that.", host, overview.Domain)
	}
	for _, environment := range overview.Environments {
		address, err := url.Parse(environment.URL)
		if err == nil && environment.Kind != perch.KindBranch && atOrBelow(host, address.Hostname()) {
			return fmt.Sprintf("The dashboard's address %s is at or below the address of the environment of %s. "+
				"Give it an address elsewhere, and set PERCH_PUBLIC_URL to that.", host, environment.Branch)
		}
	}
	return ""
}

func atOrBelow(host, domain string) bool {
	host, domain = strings.ToLower(strings.TrimSuffix(host, ".")), strings.ToLower(strings.Trim(domain, "."))
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}
