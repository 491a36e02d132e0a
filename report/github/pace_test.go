package github

import (
	"testing"
	"time"

	"perch"
)

// TestADayOf400DeploymentsStaysBelowGitHubsLimits: GitHub counts, too, and answers with the
// secondary limit.
func TestADayOf400DeploymentsStaysBelowGitHubsLimits(t *testing.T) {
	w := newWorld(t)
	begin := w.now
	limited := 0
	tell := func(phase perch.Phase) {
		w.card.State = perch.CardState{
			Goal: perch.GoalUp, Commit: w.commit, Phase: phase, RunID: "run", Begun: w.now, At: w.now,
		}
		w.deliver()
		if w.card.GitHub.Undelivered && phase == perch.PhaseReady {
			limited++
		}
	}
	for i := range 400 { // Half of them in two hours, as agents push.
		if i < 200 {
			w.now = begin.Add(time.Duration(i) * 36 * time.Second)
		} else {
			w.now = begin.Add(2*time.Hour + time.Duration(i-200)*6*time.Minute)
		}
		w.commit = w.push("feature/login", time.Duration(i).String())
		tell(perch.PhaseStack)
		w.now = w.now.Add(20 * time.Second)
		tell(perch.PhaseReady)
		if i%4 == 0 { // People are warned that it expires, and the next push keeps it.
			w.warned()
			tell(perch.PhaseReady)
			w.card.ExpiryWarning = nil
		}
	}
	for w.card.GitHub.Undelivered { // The sweep.
		w.now = w.now.Add(time.Hour)
		w.deliver()
	}
	if ours := w.comments(); len(ours) != 1 {
		t.Errorf("%d comments", len(ours))
	}
	if held := w.channel.pace.held; !held.IsZero() {
		t.Errorf("GitHub wanted a pause until %v", held)
	}
	statuses := w.hub.Statuses(w.commit)
	if last := w.hub.Deployments(); last[len(last)-1].State() != "success" ||
		statuses[len(statuses)-1].State != "success" {
		t.Errorf("the last deployment is %s", last[len(last)-1].State())
	}
	t.Logf("%d writes; %d last states had to wait", len(w.hub.Writes()), limited)
}

func TestThePaceKeepsWritesForLastStates(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	p := newPace()
	taken := map[bool]int{}
	for _, last := range []bool{false, true} {
		for p.take(now, last) {
			taken[last]++
		}
	}
	if taken[false] != minuteBurst-keptFree || taken[true] != keptFree {
		t.Errorf("%d intermediate and %d last states", taken[false], taken[true])
	}
	writes := minuteBurst
	for range 60 {
		now = now.Add(time.Second)
		for p.take(now, true) {
			writes++
		}
	}
	if writes > perMinute {
		t.Errorf("%d writes in a minute", writes)
	}
	for range 3600 - 60 {
		now = now.Add(time.Second)
		for p.take(now, true) {
			writes++
		}
	}
	if writes > perHour || writes < perHour-10 {
		t.Errorf("%d writes in an hour", writes)
	}
	p.hold(now.Add(time.Minute))
	if p.take(now.Add(59*time.Second), true) || !p.take(now.Add(time.Minute), true) {
		t.Error("GitHub's pause does not count")
	}
}
