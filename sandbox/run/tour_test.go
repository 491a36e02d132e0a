package run

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tourFile is the transcript to which docs/first-account.md links.
const tourFile = "../../docs/first-account.txt"

// tourHead explains what the file is.
const tourHead = `# docs/first-account.md, run against the sandbox with IAM enforced.
# Written by: go test ./sandbox/run -run S150 -update
# The word before $ is the checkout: Perch's, or that of the project shop.
# Progress is left out. Ids, times and ports are examples.
`

// tour runs the commands of docs/first-account.md in a shell, and records them with what they
// print.
type tour struct {
	*bench
	// folder has two checkouts, perch and shop.
	folder string
	text   strings.Builder
}

// newTour returns a tour of a person who has an administrator's keys in the profile default, and
// nothing else.
func (b *bench) newTour(t *testing.T) *tour {
	t.Helper()
	v := &tour{bench: b, folder: t.TempDir()}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	fatal(t, err)
	fatal(t, os.Symlink(root, filepath.Join(v.folder, "perch")))
	fatal(t, os.Mkdir(filepath.Join(v.folder, ".aws"), 0o700))
	v.keep(
		t, ".aws/credentials", "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", accessKey, accessKey,
	)
	v.keep(t, ".aws/config", "[default]\nregion = %s\n", region)
	return v
}

// keep adds text to a file below the folder.
func (v *tour) keep(t *testing.T, name, text string, values ...any) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(v.folder, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	fatal(t, err)
	_, err = fmt.Fprintf(file, text, values...)
	fatal(t, err)
	fatal(t, file.Close())
}

// variables returns the variables of a shell on a laptop. The only keys are in ~/.aws.
func (v *tour) variables() map[string]string {
	return map[string]string{
		"HOME": v.folder, "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "",
		"AWS_SECRET_ACCESS_KEY": "",
		"PERCH_REPO":            "", "PERCH_POLICY": "",
	}
}

func (v *tour) in(checkout, line string) []string {
	return []string{"sh", "-c", "cd " + filepath.Join(v.folder, checkout) + " && " + line}
}

// try runs a command line in one of the checkouts, and records nothing.
func (v *tour) try(t *testing.T, checkout, line string) output {
	t.Helper()
	return v.execute(t, v.variables(), v.in(checkout, line)...)
}

// step runs a command line that must end with the exit code, and records it with what it prints to
// stdout.
func (v *tour) step(t *testing.T, exit int, checkout, line string) {
	t.Helper()
	out := v.try(t, checkout, line)
	if out.exit != exit {
		t.Fatalf("%s: exit code %d, want %d\n%s%s", line, out.exit, exit, out.stdout, out.stderr)
	}
	v.record(checkout, line, out.stdout)
}

// assumeWorkerRole writes the profile perch-worker with the keys of a session in the worker's role.
// With role_arn in the profile, the SDK would not call the sandbox.
func (v *tour) assumeWorkerRole(t *testing.T) {
	t.Helper()
	role := strings.TrimSpace(
		v.try(t, "perch", "aws cloudformation describe-stacks --stack-name perch-bootstrap --output text "+
			`--query "Stacks[0].Outputs[?OutputKey=='WorkerRole'].OutputValue"`).stdout,
	)
	key, err := v.assume(role)
	fatal(t, err)
	v.keep(t, ".aws/credentials", "[perch-worker]\naws_access_key_id = %s\naws_secret_access_key = secret\n", key)
}

func (v *tour) record(checkout, line, printed string) {
	fmt.Fprintf(&v.text, "%s$ %s\n%s", checkout, line, printed)
}

// startWorker runs a command line that starts a worker, and records the line that says that it is
// ready.
func (v *tour) startWorker(t *testing.T, checkout, line string) {
	t.Helper()
	worker := v.spawnCommand(t, v.variables(), v.in(checkout, "exec env "+line)...)
	log, err := os.ReadFile(worker.log)
	fatal(t, err)
	for said := range strings.Lines(string(log)) {
		if strings.Contains(said, "worker is ready") {
			v.record(checkout, line+" &", said)
		}
	}
}

// differing are the parts of the transcript that are different in every run, and what the file
// shows for them.
var differing = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "2026-01-01T00:00:00Z"},
	{regexp.MustCompile(`\b(vpc|subnet|sg)-[0-9a-f]{8,17}\b`), "$1-0123456789abcdef0"},
	{regexp.MustCompile(`(Role|Profile|artifacts|bucketmedia|application-st)-[a-z0-9]{12,13}\b`), "$1-1example2id"},
	{regexp.MustCompile(`\bcertificate/[0-9a-f-]{36}\b`), "certificate/01234567-89ab-cdef-0123-456789abcdef"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), strings.Repeat("0123456789abcdef", 4)},
	{regexp.MustCompile(`\b[0-9a-f]{40}\b`), "0123abcdef0123abcdef0123abcdef0123abcdef"},
	{regexp.MustCompile(`/[0-9a-f]{16}\b`), "/0123456789abcdef"},
	{regexp.MustCompile(`\b[0-9a-f]{7}\b`), "0123abc"},
	{regexp.MustCompile(`answers at 127\.0\.0\.1:\d+`), "answers at 127.0.0.1:7233"},
	{regexp.MustCompile(`(localhost|\{host\}):\d+`), "$1:8080"},
	{regexp.MustCompile(`\bin [0-9hms.]+s\)`), "in 1s)"},
}

// compare compares the transcript with the file, or writes the file.
func (v *tour) compare(t *testing.T) {
	t.Helper()
	got := tourHead + strings.NewReplacer(v.repo.dir, "/srv/git/shop", v.folder, "/home/ada").Replace(v.text.String())
	for _, part := range differing {
		got = part.pattern.ReplaceAllString(got, part.shown)
	}
	if *update {
		fatal(t, os.WriteFile(tourFile, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(tourFile)
	fatal(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf(
			"docs/first-account.txt (-) and what was printed (+); write it with `go test ./sandbox/run -run S150 "+
				"-update`:\n%s",
			diff,
		)
	}
}
