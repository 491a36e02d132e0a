package run

import (
	"errors"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
)

var updateGrants = flag.Bool("iam.update", false, "write testdata/iam-used.txt after a run of every test here")

// usedFile lists the statements of deploy/iam without which an end-to-end test would have been
// denied something: document, Sid and action, as the document has it.
const usedFile = "testdata/iam-used.txt"

// usedGrants are what every sandbox of this run has used.
var usedGrants = struct {
	sync.Mutex
	lines map[string]bool
}{lines: map[string]bool{}}

// settleRights keeps what the roles of a sandbox used of their documents, and says what they were
// denied.
func (b *bench) settleRights() error {
	usedGrants.Lock()
	defer usedGrants.Unlock()
	for _, grant := range b.aws.Grants() {
		document, _, _ := strings.Cut(grant.Policy, ".") // Policies are named after document and project.
		usedGrants.lines[document+" "+grant.Sid+" "+grant.Pattern] = true
	}
	var failed []error
	for _, denial := range b.aws.Denials() {
		if !slices.ContainsFunc(expectedDenials, func(action string) bool { return strings.Contains(denial.Error(), action) }) {
			failed = append(failed, denial)
		}
	}
	return errors.Join(failed...)
}

// expectedDenials are actions that AWS denies to the roles and the product copes with.
var expectedDenials = []string{
	"s3:GetBucketTagging", // A stranger's forged input names buckets of other projects, whose tags the worker looks at first.
}

// writeGrants writes the file, if the run is asked to.
func writeGrants() error {
	if !*updateGrants {
		return nil
	}
	lines := slices.Sorted(maps.Keys(usedGrants.lines))
	return os.WriteFile(usedFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}
