package handlers_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// endToEnd is what a run of all end-to-end tests has written with -iam.update: the statements
// without which something would have been denied.
const endToEnd = "../../run/testdata/iam-used.txt"

// TestS162EveryGrantIsNeededByATestOrHasAReason compares every action in deploy/iam with what the
// reviewed templates and the end-to-end tests need.
func TestS162EveryGrantIsNeededByATestOrHasAReason(t *testing.T) {
	text, err := os.ReadFile(endToEnd)
	if err != nil {
		t.Fatal(err)
	}
	used := templateGrants(t)
	maps.Copy(used, checkedCalls(t))
	for line := range strings.Lines(string(text)) {
		used[strings.TrimSpace(line)] = true
	}
	granted, notNeeded := documentGrants(t), readReasons(t)
	for _, grant := range slices.Sorted(maps.Keys(granted)) {
		_, excused := notNeeded[grant]
		switch {
		case !used[grant] && !excused:
			t.Errorf(
				"no test needs %q: take it out of the tables of the IAM documents, or give the reason in "+
					"testdata/not-needed.txt",
				grant,
			)
		case used[grant] && excused:
			t.Errorf("a test needs %q: take it out of testdata/not-needed.txt", grant)
		}
	}
	for grant := range notNeeded {
		if !granted[grant] {
			t.Errorf("no document grants %q: take it out of testdata/not-needed.txt", grant)
		}
	}
}

// readReasons returns the reasons why no test can need a grant, by grant.
func readReasons(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/not-needed.txt")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for line := range strings.Lines(string(text)) {
		grant, reason, ok := strings.Cut(strings.TrimSpace(line), " | ")
		switch {
		case strings.HasPrefix(line, "#"):
		case !ok || reason == "" || reasons[grant] != "":
			t.Errorf("%q has no reason, or its grant is there twice", line)
		default:
			reasons[grant] = reason
		}
	}
	return reasons
}

// documentGrants returns everything that the documents of deploy/iam grant, by document, Sid and
// action.
func documentGrants(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../../../deploy/iam/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d documents: %v", len(files), err)
	}
	granted := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var policy struct {
			Statement []struct {
				Sid    string
				Action []string
			}
		}
		if err := json.Unmarshal(text, &policy); err != nil {
			t.Fatal(err)
		}
		for _, s := range policy.Statement {
			for _, action := range s.Action {
				granted[strings.TrimSuffix(filepath.Base(file), ".json")+" "+s.Sid+" "+action] = true
			}
		}
	}
	return granted
}
