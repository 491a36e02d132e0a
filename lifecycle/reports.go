package lifecycle

import (
	"slices"
	"time"

	"perch"
)

const (
	// ReportsAfter is how old a state is before its report is repaired: a younger one may still be
	// on the way.
	ReportsAfter = 5 * time.Minute
	// ReportsFor is how long the sweep tries to deliver a report.
	ReportsFor = 7 * 24 * time.Hour
	// MaxReports is the most reports that one sweep repairs: channels have limits, and deployments
	// go first.
	MaxReports = 30
)

// PlanReports are the environments whose last report was not delivered and is to be repaired: those
// that GitHub has not received first, then the longest undelivered. The card of a removed
// environment is named however old it is: it is deleted with its last report.
func PlanReports(cards []perch.Card, now time.Time) []perch.Environment {
	var due []perch.Card
	for _, card := range cards {
		age := now.Sub(card.State.At)
		repairable := age < ReportsFor || card.State.Phase == perch.PhaseGone
		if card.Undelivered() && card.State.Phase != "" && age >= ReportsAfter && repairable {
			due = append(due, card)
		}
	}
	slices.SortStableFunc(due, func(a, b perch.Card) int {
		switch {
		case a.GitHub.Undelivered && !b.GitHub.Undelivered:
			return -1
		case b.GitHub.Undelivered && !a.GitHub.Undelivered:
			return 1
		}
		return a.State.At.Compare(b.State.At)
	})
	var environments []perch.Environment
	for _, card := range due[:min(MaxReports, len(due))] {
		environments = append(environments, card.Environment)
	}
	return environments
}

// Unfinished are the cards whose run was at work when it reported last, a while ago. It may still
// be at work, it may have been terminated, or its last report was lost.
func Unfinished(cards []perch.Card, now time.Time) (unfinished []perch.Card) {
	for _, card := range cards {
		if card.State.Phase.IsWorking() && now.Sub(card.State.At) >= ReportsAfter {
			unfinished = append(unfinished, card)
		}
	}
	slices.SortStableFunc(unfinished, func(a, b perch.Card) int { return a.State.At.Compare(b.State.At) })
	return unfinished[:min(MaxReports, len(unfinished))]
}

// ClosedRun is how a run ended, from Temporal.
type ClosedRun struct {
	RunID         string
	Began, Closed time.Time
	// Answer is what it means for the request that the card knows.
	Answer Answer
}

// EndState is the state that a run would have reported at its end; state is what was reported last.
func EndState(state perch.CardState, run ClosedRun) perch.CardState {
	state.RunID, state.Begun, state.At = run.RunID, run.Began, run.Closed
	result := run.Answer.Result
	state.Outcome, state.Sentence, state.SupersededBy = result.Outcome, result.Reason, result.SupersededBy
	if state.Phase = PhaseOf(result.Outcome); run.Answer.Failure != "" {
		state.Phase, state.Failure, state.Outcome = perch.PhaseFailed, run.Answer.Failure, ""
	}
	if result.URL != "" {
		state.URL = result.URL
	}
	return state
}

// PhaseOf is the phase in which a run ends with the outcome.
func PhaseOf(outcome perch.Outcome) perch.Phase {
	switch outcome {
	case perch.OutcomeReady:
		return perch.PhaseReady
	case perch.OutcomeGone, perch.OutcomeAbsent:
		return perch.PhaseGone
	case perch.OutcomeKept:
		return perch.PhaseKept
	case perch.OutcomeSuperseded:
		return perch.PhaseSuperseded
	}
	return perch.PhaseRejected
}
