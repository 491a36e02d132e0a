package perch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// ShortCommit is a commit as people write it.
func ShortCommit(commit string) string { return commit[:min(len(commit), 7)] }

// StableID is an ID of 32 hexadecimal digits that depends on the parts alone: a retry sends the
// same request again.
func StableID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// RunURL is the address of a run in Temporal's web UI, whose own address is ui, without a slash at
// its end.
func RunURL(ui, namespace, workflowID, runID string) string {
	return fmt.Sprintf("%s/namespaces/%s/workflows/%s/%s", ui, namespace, workflowID, runID)
}

// RunsURL is the address of Temporal's list of the project's runs that change environments: those
// of Provision and Teardown, without the runs that only read.
func RunsURL(ui, namespace, project string) string {
	query := fmt.Sprintf(
		`%s="%s" AND WorkflowType IN ("%s","%s")`, AttributeProject, project, WorkflowProvision, WorkflowTeardown,
	)
	return fmt.Sprintf(
		"%s/namespaces/%s/workflows?query=%s", ui, namespace, strings.ReplaceAll(url.QueryEscape(query), "+", "%20"),
	)
}

// Printable is text that others wrote, such as an error of AWS, in one line and without terminal
// controls.
func Printable(text string) string {
	return strings.Join(
		strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ",
	)
}
