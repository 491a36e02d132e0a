package config

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	"perch"
	"perch/document"
)

// gitHubName is what GitHub allows: letters, digits and hyphens for the owner (Enterprise's managed users have an underscore), dots besides for
// the repository.
var gitHubName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)

func validGitHub(value string) string {
	if !gitHubName.MatchString(value) || strings.HasSuffix(value, ".git") {
		return "must be owner/name, such as acme/shop"
	}
	return ""
}

func (d *decoder) githubSource(p *perch.Policy, path string, n *document.Node) {
	github := &perch.GitHubSource{}
	d.fields(path, n,
		field{name: "repository", read: d.text(&github.Repository, validGitHub)},
		field{name: "base_url", read: d.text(&github.BaseURL, validGitHubURL)})
	if n.Shape == document.Mapping && n.Get("repository") == nil {
		d.Fail(n, "%s.repository is missing; name the repository as owner/name", path)
	}
	p.Source.GitHub = github
}

// validGitHubURL rejects plain http, which would show the token to the network, except to this very machine.
func validGitHubURL(value string) string {
	address, err := url.Parse(value)
	if err != nil || address.Host == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return "must be the address of a GitHub Enterprise server such as https://github.example.com"
	}
	if address.Scheme != "https" && (address.Scheme != "http" || !loopback(address.Hostname())) {
		return "must begin with https://"
	}
	return ""
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
