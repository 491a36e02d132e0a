package lifecycle

import (
	"slices"
	"time"

	"perch"
)

const (
	// ReportsAfter is how old a state is before its report is repaired: a younger one may be on its way.
	ReportsAfter = 5 * time.Minute
	// ReportsFor is how long an undelivered report is repaired. Then nobody waits for it any more.
	ReportsFor = 7 * 24 * time.Hour
	// MaxReports is the most reports that one sweep repairs: channels have limits, and deployments go first.
	MaxReports = 30
)

// PlanReports are the environments whose last report was not delivered and is to be repaired, the longest undelivered
// first. The card of a removed environment is named however old it is: it is deleted with its last report.
func PlanReports(cards []perch.Card, now time.Time) []perch.Environment {
	var due []perch.Card
	for _, card := range cards {
		age := now.Sub(card.State.At)
		repairable := age < ReportsFor || card.State.Phase == perch.PhaseGone
		if card.GitHub.Undelivered && card.State.Phase != "" && age >= ReportsAfter && repairable {
			due = append(due, card)
		}
	}
	slices.SortStableFunc(due, func(a, b perch.Card) int { return a.State.At.Compare(b.State.At) })
	var environments []perch.Environment
	for _, card := range due[:min(MaxReports, len(due))] {
		environments = append(environments, card.Environment)
	}
	return environments
}
