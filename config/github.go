package config

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// gitHubName matches the names that GitHub allows: letters, digits and hyphens for the owner, and
// underscores, which managed users of GitHub Enterprise have; for the repository also dots.
var gitHubName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)

func validGitHub(value string) string {
	if !gitHubName.MatchString(value) || strings.HasSuffix(value, ".git") {
		return "must be owner/name, such as acme/shop"
	}
	return ""
}

// validGitHubURL rejects plain http, which would send the token unencrypted, unless the server is
// on this machine.
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
