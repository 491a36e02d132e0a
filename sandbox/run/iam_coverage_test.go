package run

import (
	"errors"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"perch/sandbox/aws/access"
)

var updateGrants = flag.Bool("iam.update", false, "write testdata/iam-used.txt after a run of every test here")

// usedFile lists the statements of deploy/iam without which an end-to-end test would have been
// denied something: document, Sid and action, as in the document.
const usedFile = "testdata/iam-used.txt"

// usedGrants has what every sandbox of this run has used.
var usedGrants = struct {
	sync.Mutex
	lines map[string]bool
}{lines: map[string]bool{}}

// settleRights records which statements the roles of a sandbox used, and returns an error with what
// they were denied.
func (b *bench) settleRights() error {
	usedGrants.Lock()
	defer usedGrants.Unlock()
	for _, set := range b.aws.Grants() {
		if line := neededGrant(set); line != "" {
			usedGrants.lines[line] = true
		}
	}
	var failed []error
	for _, denial := range b.aws.Denials() {
		if !slices.ContainsFunc(
			expectedDenials,
			func(action string) bool { return strings.Contains(denial.Error(), action) },
		) {
			failed = append(failed, denial)
		}
	}
	return errors.Join(failed...)
}

// neededGrant returns the line of the one statement that allowed something; empty if several did.
// If the worker's document allowed it, neededGrant ignores Elastic Beanstalk's documents, which the
// worker's role also has, because the worker's document must suffice for what the worker itself
// reads.
func neededGrant(set []access.Grant) string {
	if own := slices.DeleteFunc(slices.Clone(set), func(grant access.Grant) bool {
		return !strings.HasPrefix(grant.Policy, "worker.")
	}); len(own) > 0 {
		set = own
	}
	if len(set) != 1 {
		return ""
	}
	document, _, _ := strings.Cut(set[0].Policy, ".") // Policies are named after document and project.
	return document + " " + set[0].Sid + " " + set[0].Pattern
}

// expectedDenials are actions that AWS denies to the roles and that the product handles.
var expectedDenials = []string{
	// An attacker's forged input names buckets of other projects. The worker reads their tags
	// first.
	"s3:GetBucketTagging",
}

// writeGrants writes the file, if the flag of the run requires it.
func writeGrants() error {
	if !*updateGrants {
		return nil
	}
	lines := slices.Sorted(maps.Keys(usedGrants.lines))
	return os.WriteFile(usedFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}
