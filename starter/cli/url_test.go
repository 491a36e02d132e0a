package cli

import (
	"strings"
	"testing"

	"perch"
)

func TestWhyThereIsNoURL(t *testing.T) {
	for phase, want := range map[perch.Phase]string{
		"":                  "x has no URL: `perch up x` gives it one",
		perch.PhaseGone:     "x has no URL: `perch up x` gives it one",
		perch.PhaseFailed:   "x has no URL: `perch up x` gives it one",
		perch.PhaseStack:    "x has no URL now: a run is at work on it (phase stack)",
		perch.PhaseRemoving: "x has no URL now: a run is at work on it (phase removing)",
	} {
		if got := noURL("x", phase).Error(); !strings.HasPrefix(got, want) {
			t.Errorf("phase %q: %s", phase, got)
		}
	}
}
