package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestReportsThatWereNotDeliveredAreRepaired(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	card := func(branch string, undelivered bool, phase perch.Phase, age time.Duration) perch.Card {
		c := perch.Card{Environment: perch.Environment{Project: "shop", Branch: branch, Slug: branch}}
		c.State.Phase, c.State.At, c.GitHub.Undelivered = phase, now.Add(-age), undelivered
		return c
	}
	cards := []perch.Card{
		card("later", true, perch.PhaseReady, time.Hour),
		card("first", true, perch.PhaseFailed, 2*time.Hour),
		card("delivered", false, perch.PhaseReady, time.Hour),
		card("on-its-way", true, perch.PhaseReady, time.Minute),
		card("forgotten", true, perch.PhaseReady, 8*24*time.Hour),
		card("removed", true, perch.PhaseGone, 8*24*time.Hour),
		card("nothing-said", true, "", time.Hour),
	}
	var got []string
	for _, environment := range PlanReports(cards, now) {
		got = append(got, environment.Branch)
	}
	if diff := cmp.Diff([]string{"removed", "first", "later"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestASweepRepairsAFewReports(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var cards []perch.Card
	for i := range 2 * MaxReports {
		c := perch.Card{Environment: perch.Environment{Branch: fmt.Sprint(i)}}
		c.State.Phase, c.State.At, c.GitHub.Undelivered = perch.PhaseReady, now.Add(-time.Duration(i)*time.Hour-ReportsAfter), true
		cards = append(cards, c)
	}
	if n := len(PlanReports(cards, now)); n != MaxReports {
		t.Errorf("%d reports in one sweep", n)
	}
}
