package perch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// ShortCommit returns the first seven characters of a commit hash.
func ShortCommit(commit string) string { return commit[:min(len(commit), 7)] }

// StableID returns an ID of 32 hexadecimal digits that depends only on the parts, so that a retry
// sends the same request again.
func StableID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// RunURL returns the address of a run in Temporal's web UI. ui is the UI's address without a
// trailing slash.
func RunURL(ui, namespace, workflowID, runID string) string {
	return fmt.Sprintf("%s/namespaces/%s/workflows/%s/%s", ui, namespace, workflowID, runID)
}

// RunsURL returns the address of Temporal's list of the project's Provision and Teardown runs. It
// leaves out the runs that only read.
func RunsURL(ui, namespace, project string) string {
	query := fmt.Sprintf(
		`%s="%s" AND WorkflowType IN ("%s","%s")`, AttributeProject, project, WorkflowProvision, WorkflowTeardown,
	)
	return fmt.Sprintf(
		"%s/namespaces/%s/workflows?query=%s", ui, namespace, strings.ReplaceAll(url.QueryEscape(query), "+", "%20"),
	)
}

// Printable returns foreign text, such as an error of AWS, as one line without terminal control
// characters.
func Printable(text string) string {
	return strings.Join(
		strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ",
	)
}
