package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"perch"
	"perch/readapi"
)

// workerTimeout is the time limit for an answer of the worker, which may have to read AWS first.
const workerTimeout = 25 * time.Second

// dashboardFlags are the dashboard's flags. Their defaults are environment variables.
type dashboardFlags struct {
	readAPI, publicURL, proxyHeader, proxyFrom, localUser string
}

// configureDashboard returns the settings of a Dashboard that is not connected yet; nil if no
// dashboard is configured. listen is the address where it will be served.
func configureDashboard(f dashboardFlags, project, listen string, env func(string) string) (*Settings, error) {
	if f.readAPI == "" {
		return nil, nil
	}
	if project == "" {
		return nil, errors.New("no project: give --project or PERCH_PROJECT, as `project` in the policy says it")
	}
	if err := perch.ValidateProject(project); err != nil {
		return nil, err
	}
	settings := &Settings{Project: project}
	var err error
	if settings.Worker, err = readWorker(f.readAPI, project, env); err != nil {
		return nil, err
	}
	if settings.PublicURL, err = readPublicURL(f.publicURL); err != nil {
		return nil, err
	}
	return settings, readSignIn(f, listen, env, settings)
}

func readWorker(address, project string, env func(string) string) (*readapi.Client, error) {
	if err := readapi.CheckAddress(address); err != nil {
		return nil, fmt.Errorf("--read-api or PERCH_READ_API: %w", err)
	}
	token := env("PERCH_READ_TOKEN")
	if token == "" {
		return nil, errors.New(
			"PERCH_READ_TOKEN is not set: give it the token that the worker's read API was started with",
		)
	}
	return &readapi.Client{
		Address: address, Token: token, Project: project, HTTP: &http.Client{Timeout: workerTimeout},
	}, nil
}

// readPublicURL parses the address that people open. It requires HTTPS, except for a loopback
// address.
func readPublicURL(address string) (*url.URL, error) {
	if address == "" {
		return nil, errors.New("no public address: give --public-url or PERCH_PUBLIC_URL the address that people " +
			"open, such as https://perch.example.com")
	}
	read, err := url.Parse(address)
	switch {
	case err != nil || read.Host == "" || read.User != nil || read.Scheme != "http" && read.Scheme != "https":
		return nil, fmt.Errorf(
			"the public address %q is not an address: give one such as https://perch.example.com", address,
		)
	case strings.Trim(read.Path, "/") != "" || read.RawQuery != "" || read.Fragment != "":
		return nil, fmt.Errorf("the public address %q has a path: the dashboard needs a separate host, such as "+
			"https://perch.example.com", address)
	case read.Scheme == "http" && !isLoopback(read.Hostname()):
		return nil, fmt.Errorf("the public address %q is without TLS, and anyone on the way could read sessions: "+
			"put a proxy with TLS in front (docs/dashboard.md), and give its https:// address", address)
	}
	return &url.URL{Scheme: read.Scheme, Host: read.Host}, nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// readSignIn reads the way in which people sign in. Exactly one must be configured.
func readSignIn(f dashboardFlags, listen string, env func(string) string, settings *Settings) (err error) {
	const ways = "set PERCH_GITHUB_CLIENT_ID and PERCH_GITHUB_CLIENT_SECRET, or --proxy-header and --proxy-from " +
		"(docs/dashboard.md)"
	id, secret := env("PERCH_GITHUB_CLIENT_ID"), env("PERCH_GITHUB_CLIENT_SECRET")
	given := 0
	if id != "" || secret != "" {
		given++
		settings.GitHub, err = readGitHub(id, secret, env("PERCH_GITHUB_URL"))
	}
	if err == nil && (f.proxyHeader != "" || f.proxyFrom != "") {
		given++
		settings.Proxy, err = readProxy(f.proxyHeader, f.proxyFrom)
	}
	if err == nil && f.localUser != "" {
		given++
		settings.LocalUser, err = readLocalUser(f.localUser, listen, settings.PublicURL)
	}
	switch {
	case err != nil:
		return err
	case given == 0:
		return errors.New("the dashboard has no way to know who people are: " + ways)
	case given > 1:
		return errors.New("the dashboard has several ways to know who people are, and needs exactly one: " + ways)
	}
	return nil
}

func readGitHub(id, secret, address string) (*GitHubSignIn, error) {
	switch {
	case id == "":
		return nil,
			errors.New("PERCH_GITHUB_CLIENT_ID is not set, and PERCH_GITHUB_CLIENT_SECRET is: the page of the " +
				"OAuth app on GitHub has both")
	case secret == "":
		return nil,
			errors.New("PERCH_GITHUB_CLIENT_SECRET is not set, and PERCH_GITHUB_CLIENT_ID is: the page of the " +
				"OAuth app on GitHub has both")
	case address == "" || strings.TrimSuffix(address, "/") == "https://github.com":
		return &GitHubSignIn{
			ClientID: id, ClientSecret: secret, Pages: "https://github.com", API: "https://api.github.com",
		}, nil
	}
	read, err := url.Parse(address)
	if err != nil || read.Host == "" ||
		read.Scheme != "https" && !(read.Scheme == "http" && isLoopback(read.Hostname())) {
		return nil, fmt.Errorf("PERCH_GITHUB_URL is %q: give the https:// address of your GitHub Enterprise server, "+
			"or leave it out for github.com", address)
	}
	pages := strings.TrimSuffix(address, "/")
	return &GitHubSignIn{ClientID: id, ClientSecret: secret, Pages: pages, API: pages + "/api/v3"}, nil
}

// headerName matches the name of a header (RFC 9110).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func readProxy(header, from string) (*TrustedProxy, error) {
	switch {
	case from == "":
		return nil, errors.New("--proxy-header needs --proxy-from (PERCH_PROXY_FROM): the addresses of the proxy, " +
			"whose header counts, such as 10.0.1.7 or 10.0.1.0/24")
	case header == "":
		return nil,
			errors.New("--proxy-from needs --proxy-header (PERCH_PROXY_HEADER): the header that has the person's " +
				"GitHub login, such as X-Forwarded-User")
	case !headerName.MatchString(header):
		return nil, fmt.Errorf(
			"--proxy-header %q is not the name of a header: give one such as X-Forwarded-User", header,
		)
	}
	proxy := &TrustedProxy{Header: http.CanonicalHeaderKey(header)}
	for each := range strings.SplitSeq(from, ",") {
		prefix, err := readPrefix(strings.TrimSpace(each))
		if err != nil {
			return nil, err
		}
		proxy.From = append(proxy.From, prefix)
	}
	return proxy, nil
}

func readPrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Bits() == 0 {
		return netip.Prefix{}, fmt.Errorf("--proxy-from %q is not the address or network of a proxy: "+
			"give one such as 10.0.1.7 or 10.0.1.0/24", text)
	}
	return prefix.Masked(), nil
}

// readLocalUser checks the login of --local-user. It requires loopback addresses, because everyone
// who can connect is signed in as this person.
func readLocalUser(login, listen string, public *url.URL) (string, error) {
	host, _, err := net.SplitHostPort(listen)
	switch {
	case !wholeLogin.MatchString(login):
		return "", fmt.Errorf("--local-user %q is not a login", login)
	case err != nil || !isLoopback(host) || !isLoopback(public.Hostname()):
		return "", fmt.Errorf(
			"with --local-user, everyone who reaches the dashboard may do everything, so it needs a loopback "+
				"address as --listen and --public-url, not %s and %s",
			listen, public,
		)
	}
	return login, nil
}

// checkPlace checks with the worker whether the dashboard may be served at its address. If the
// worker does not answer, the check is repeated before the first page is served.
func (d *Dashboard) checkPlace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	overview, err := d.askOverview(ctx)
	if err != nil {
		d.Logger.Warn("the worker's read API does not answer yet", "address", d.Worker.Address, "error", err)
		return nil
	}
	if problem := misplaced(d.PublicURL.Hostname(), overview); problem != "" {
		return usageError{errors.New(problem)}
	}
	return nil
}
