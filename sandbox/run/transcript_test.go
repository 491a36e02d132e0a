package run

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestCleanupDoesWhatItsPageShows(t *testing.T) {
	t.Parallel()
	script(t, "cleanup", map[string]func(*testscript.TestScript, bool, []string){"transcript": transcript}, "--webhooks=false")
}

var (
	console = regexp.MustCompile("(?s)```console\n(.*?)```")
	moment  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
)

// transcript PAGE: the commands of the page of docs's first console print what it shows, but for times. What git prints is not shown.
func transcript(ts *testscript.TestScript, _ bool, args []string) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", args[0])) // The test's folder, not the script's.
	ts.Check(err)
	shown := console.FindStringSubmatch(string(page))
	if shown == nil {
		ts.Fatalf("%s shows no console", args[0])
	}
	var got strings.Builder
	for line := range strings.Lines(shown[1]) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !ok {
			continue
		}
		words := strings.Fields(command)
		ts.Check(ts.Exec(words[0], words[1:]...))
		got.WriteString("$ " + command + "\n")
		if words[0] != "git" {
			got.WriteString(ts.ReadFile("stdout"))
		}
	}
	const then = "2026-01-01T00:00:00Z"
	if diff := cmp.Diff(moment.ReplaceAllString(shown[1], then), moment.ReplaceAllString(got.String(), then)); diff != "" {
		ts.Fatalf("%s (-) and what was printed (+):\n%s", args[0], diff)
	}
}
