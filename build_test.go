package perch_test

import (
	"testing"

	"perch"
)

func TestBuildsAsPeopleReadThem(t *testing.T) {
	for want, build := range map[string]perch.Build{
		"(devel), go1.26.8":                {Version: "(devel)", Go: "go1.26.8"},
		"v1.2.0, commit aaaaaaa, go1.26.8": {Version: "v1.2.0", Commit: "aaaaaaaaaaaa", Go: "go1.26.8"},
		"v1.2.0, commit aaaaaaa with changes, go1.26.8": {
			Version: "v1.2.0", Commit: "aaaaaaaaaaaa", Modified: true, Go: "go1.26.8",
		},
	} {
		if got := build.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
