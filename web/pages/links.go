package pages

import (
	"net/url"
	"strings"

	"perch/client"
)

// webAddress is an address that a page may link to; empty unless it is one of http or https. Branch
// environments, pull requests and settings bring addresses, and a link must not run a script.
func webAddress(address string) string {
	parsed, err := url.Parse(strings.TrimSpace(address))
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" ||
		strings.ContainsAny(parsed.Host, `<>"%`) {
		return ""
	}
	return parsed.String()
}

// below is the address of something in the repository; empty without one. The parts of a path stay
// parts, with any content.
func below(repository string, parts ...string) string {
	address := webAddress(repository)
	if address == "" {
		return ""
	}
	joined := strings.TrimSuffix(address, "/")
	for _, part := range parts {
		for piece := range strings.SplitSeq(part, "/") {
			joined += "/" + url.PathEscape(piece)
		}
	}
	return joined
}

// runAddress is the address of a run beside Temporal's list of runs; empty if either is not known.
func runAddress(list string, run client.Run) string {
	parsed, err := url.Parse(webAddress(list))
	if err != nil || parsed.Host == "" || run.WorkflowID == "" || run.RunID == "" {
		return ""
	}
	parsed.RawQuery, parsed.Fragment = "", ""
	return strings.TrimSuffix(parsed.String(), "/") + "/" + url.PathEscape(run.WorkflowID) + "/" +
		url.PathEscape(run.RunID)
}

// LifeID is how a page's address names the life of a stack: the last part of the stack's id, which
// is a UUID.
func LifeID(stackID string) string { return stackID[strings.LastIndex(stackID, "/")+1:] }

// EnvironmentPath returns the path and query of the page of a branch's environment.
func EnvironmentPath(branch string) string {
	return "/environment?" + url.Values{"branch": {branch}}.Encode()
}

// ConfirmPath returns the path and query of the page that confirms a removal.
func ConfirmPath(branch string) string {
	return "/confirm?" + url.Values{"branch": {branch}}.Encode()
}

// lifePath returns the path and query of the page of a removed environment.
func lifePath(stackID string) string {
	return "/life?" + url.Values{"id": {LifeID(stackID)}}.Encode()
}
