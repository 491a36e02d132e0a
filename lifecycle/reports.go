package lifecycle

import (
	"slices"
	"time"

	"perch"
)

const (
	// ReportsAfter is the age at which an undelivered report is sent again. A younger one may still
	// be on its way.
	ReportsAfter = 5 * time.Minute
	// ReportsFor is how long the sweep keeps trying to deliver a report.
	ReportsFor = 7 * 24 * time.Hour
	// MaxReports is the maximum number of reports that one sweep sends again. Channels limit the
	// number of calls, and new deployments have priority.
	MaxReports = 30
)

// PlanReports returns the environments whose undelivered last report must be sent again. Those that
// GitHub has not received come first, then the oldest. The age limit does not apply to removed
// environments, because their cards are kept until the last report is delivered.
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

// Unfinished returns the cards whose last report, made a while ago, says that a run was working.
// That run may still be working, it may have been terminated, or its last report was lost.
func Unfinished(cards []perch.Card, now time.Time) (unfinished []perch.Card) {
	for _, card := range cards {
		if card.State.Phase.IsWorking() && now.Sub(card.State.At) >= ReportsAfter {
			unfinished = append(unfinished, card)
		}
	}
	slices.SortStableFunc(unfinished, func(a, b perch.Card) int { return a.State.At.Compare(b.State.At) })
	return unfinished[:min(MaxReports, len(unfinished))]
}

// ClosedRun describes how a run ended, from Temporal.
type ClosedRun struct {
	RunID         string
	Began, Closed time.Time
	// Answer is the run's answer to the request in the card.
	Answer Answer
}

// EndState returns the state that a run would have reported at its end. state is its last reported
// state.
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

// PhaseOf returns the last phase of a run with the outcome.
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
