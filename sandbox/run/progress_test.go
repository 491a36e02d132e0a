package run

import (
	"testing"
	"time"

	"perch"
	"perch/client"
	"perch/sandbox/page"
)

func TestWhatAPageSaysOfARun(t *testing.T) {
	for name, c := range map[string]struct {
		far  client.Progress
		want page.Progress
	}{
		"at work": {
			client.Progress{Goal: perch.GoalUp, Phase: perch.PhaseStack, Activity: "CreateStack"},
			page.Progress{State: "deploying", Words: "Starting the creation of the stack"},
		},
		"failed": {
			client.Progress{Goal: perch.GoalUp, Phase: perch.PhaseFailed},
			page.Progress{State: "failed", Words: "The run failed; `perch status` says why"},
		},
		"ready or removed": {client.Progress{Goal: perch.GoalGone, Phase: perch.PhaseGone}, page.Progress{}},
	} {
		if got := pageProgress(c.far, time.Now()); got != c.want {
			t.Errorf("%s: the page says %+v, want %+v", name, got, c.want)
		}
	}
}
