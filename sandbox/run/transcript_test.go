package run

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"perch/starter/cli"
)

func TestCleanupDoesWhatItsPageShows(t *testing.T) {
	t.Parallel()
	script(
		t, "cleanup", map[string]func(*testscript.TestScript, bool, []string){"transcript": transcript},
		"--webhooks=false",
	)
}

func TestExpiryDoesWhatItsPageShows(t *testing.T) {
	t.Parallel()
	script(
		t, "expiry", map[string]func(*testscript.TestScript, bool, []string){"transcript": transcript},
		"--webhooks=false",
	)
}

var (
	address     = regexp.MustCompile(`\S+@\S+`)
	columns     = regexp.MustCompile(`  +`)
	console     = regexp.MustCompile("(?s)```console\n(.*?)```")
	shortCommit = regexp.MustCompile(`\b[0-9a-f]{7}\b`)
	seconds     = regexp.MustCompile(`\b[0-9.]+m?s\b`)
	localPort   = regexp.MustCompile(`localhost:\d+`)
	moment      = regexp.MustCompile(`\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ| \d\d:\d\d UTC)`)
)

// transcript PAGE runs the commands of the first console on a page in docs. They must print what
// the page shows, except times. The output of git is not compared. A command that only reads is
// repeated until it prints what the page shows.
func transcript(ts *testscript.TestScript, _ bool, args []string) {
	// Paths are relative to the test's folder, not to the script's.
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", args[0]))
	ts.Check(err)
	shown := console.FindStringSubmatch(string(page))
	if shown == nil {
		ts.Fatalf("%s shows no console", args[0])
	}
	for _, each := range strings.Split(shown[1], "$ ")[1:] {
		command, want, _ := strings.Cut(each, "\n")
		got := printed(ts, command)
		ticker := time.NewTicker(pollEvery)
		for tries := 0; reads(command) && masked(got) != masked(want) && tries < 200; tries++ {
			<-ticker.C
			got = printed(ts, command)
		}
		ticker.Stop()
		if diff := cmp.Diff(masked(want), masked(got)); diff != "" {
			ts.Fatalf("%s: %s (-) and what was printed (+):\n%s", args[0], command, diff)
		}
	}
}

// printed returns what the command prints to stdout. The starter runs in this process, because its
// commands are repeated often.
func printed(ts *testscript.TestScript, command string) string {
	words := strings.Fields(command)
	if words[0] == "perch" {
		var stdout, stderr strings.Builder
		if exit := cli.Run(
			context.Background(), words[1:], strings.NewReader(""), &stdout, &stderr, ts.Getenv,
		); exit != 0 {
			ts.Fatalf("%s: exit code %d: %s", command, exit, stderr.String())
		}
		return stdout.String()
	}
	ts.Check(ts.Exec(words[0], words[1:]...))
	if words[0] == "git" {
		return ""
	}
	return ts.ReadFile("stdout")
}

// reads reports whether a command changes nothing.
func reads(command string) bool {
	return strings.HasPrefix(command, "perch ls") || strings.HasSuffix(command, "--dry-run")
}

// masked returns text without its times, people, commits and ports, and without the widths of
// columns that depend on them.
func masked(text string) string {
	text = moment.ReplaceAllString(text, "TIME")
	text = shortCommit.ReplaceAllString(seconds.ReplaceAllString(text, "SECONDS"), "COMMIT")
	text = localPort.ReplaceAllString(text, "localhost:PORT")
	text = address.ReplaceAllString(text, "ADDRESS")
	return columns.ReplaceAllString(text, "  ")
}
