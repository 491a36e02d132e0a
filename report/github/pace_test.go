package github

import (
	"fmt"
	"testing"
	"time"

	"perch"
)

// TestADayOf400DeploymentsStaysBelowGitHubsLimits: GitHub counts, too, and answers with the
// secondary limit. Workers with the same token take turns.
func TestADayOf400DeploymentsStaysBelowGitHubsLimits(t *testing.T) {
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) { aDayOf400Deployments(t, workers) })
	}
}

func aDayOf400Deployments(t *testing.T, workers int) {
	w := newWorld(t)
	begin := w.now
	limited, reports := 0, 0
	var channels []*Channel
	for range workers {
		w.restart(nil)
		w.channel.Share(workers)
		channels = append(channels, w.channel)
	}
	tell := func(phase perch.Phase) {
		w.channel = channels[reports%workers]
		reports++
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
	for range 24 { // The sweep.
		if w.card.GitHub.Undelivered {
			w.now = w.now.Add(time.Hour)
			w.deliver()
		}
	}
	if w.card.GitHub.Undelivered {
		t.Fatalf("the last state is not delivered: %+v", w.card.GitHub)
	}
	if ours := w.comments(); len(ours) != 1 {
		t.Errorf("%d comments", len(ours))
	}
	for _, channel := range channels {
		if held := channel.pace.held; !held.IsZero() {
			t.Errorf("GitHub wanted a pause until %v", held)
		}
	}
	statuses := w.hub.Statuses(w.commit)
	if last := w.hub.Deployments(); last[len(last)-1].State() != "success" ||
		statuses[len(statuses)-1].State != "success" {
		t.Errorf("the last deployment is %s", last[len(last)-1].State())
	}
	t.Logf("%d writes; %d last states had to wait", len(w.hub.Writes()), limited)
}

// TestWorkersShareGitHubsLimits has workers that write as much as they may, and one that stops.
func TestWorkersShareGitHubsLimits(t *testing.T) {
	for _, workers := range []int{2, 3, 12} {
		now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
		var paces []*pace
		for range workers {
			p := newPace()
			p.share(now, workers)
			paces = append(paces, p)
		}
		writes, intermediate := 0, 0
		for second := range 3600 {
			for _, p := range paces {
				for last := range 2 {
					for p.take(now, last == 1) {
						writes++
						intermediate += 1 - last
					}
				}
			}
			if second == 59 && writes > perMinute {
				t.Errorf("%d workers: %d writes in a minute", workers, writes)
			}
			now = now.Add(time.Second)
		}
		if writes > perHour || writes < perHour*9/10 || intermediate == 0 {
			t.Errorf("%d workers: %d writes in an hour, %d of intermediate states", workers, writes, intermediate)
		}
		paces[0].share(now, 0) // Not known: the last known number counts.
		if paces[0].workers != workers {
			t.Errorf("%d workers count as %d", workers, paces[0].workers)
		}
	}
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
