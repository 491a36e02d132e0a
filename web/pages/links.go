package pages

import (
	"net/url"
	"strings"

	"perch/client"
)

// webAddress returns address if it is one of http or https, and an empty string otherwise.
// Addresses come from branch environments, pull requests and settings, and a link must not run a
// script.
func webAddress(address string) string {
	parsed, err := url.Parse(strings.TrimSpace(address))
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" ||
		strings.ContainsAny(parsed.Host, `<>"%`) {
		return ""
	}
	return parsed.String()
}

// below returns the address of a path in the repository; empty if the repository has no address. It
// escapes each segment of parts, so that their content cannot change the rest of the address.
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

// runAddress returns the address of a run's page in Temporal's UI, given that of the list of runs;
// empty if either is unknown.
func runAddress(list string, run client.Run) string {
	parsed, err := url.Parse(webAddress(list))
	if err != nil || parsed.Host == "" || run.WorkflowID == "" || run.RunID == "" {
		return ""
	}
	parsed.RawQuery, parsed.Fragment = "", ""
	return strings.TrimSuffix(parsed.String(), "/") + "/" + url.PathEscape(run.WorkflowID) + "/" +
		url.PathEscape(run.RunID)
}

// LifeID returns the id that a page's address has for the life of a stack: the last part of the
// stack's id, which is a UUID.
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
