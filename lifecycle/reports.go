package lifecycle

import (
	"fmt"
	"slices"
	"strings"
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

// namedProblems is the maximum number of sentences that ReportProblems returns.
const namedProblems = 5

// ReportProblems returns sentences that say why reports of the cards' environments have not been
// delivered, each once with an environment's branch.
func ReportProblems(cards []perch.Card) (sentences []string) {
	branches := map[string][]string{}
	var problems []string
	add := func(branch, problem string) {
		if branches[problem] == nil {
			problems = append(problems, problem)
		}
		branches[problem] = append(branches[problem], branch)
	}
	for _, card := range cards {
		if card.GitHub.Undelivered && card.GitHub.Problem != "" {
			add(card.Environment.Branch, card.GitHub.Problem)
		}
		if card.Slack.Undelivered && card.Slack.Problem != "" {
			add(card.Environment.Branch, card.Slack.Problem)
		}
	}
	for _, problem := range problems {
		if len(sentences) == namedProblems {
			return append(sentences, fmt.Sprintf("and %d more problems with reports", len(problems)-namedProblems))
		}
		of := branches[problem][0]
		if more := len(branches[problem]) - 1; more > 0 {
			of += fmt.Sprintf(" and %d more", more)
		}
		sentences = append(sentences, fmt.Sprintf("a report of %s was not delivered: %s", of, problem))
	}
	return sentences
}

// MaxAsked is the maximum number of environments about whose latest run one sweep asks Temporal.
const MaxAsked = 200

// LiveStack is an environment's stack.
type LiveStack struct {
	Environment perch.Environment
	Stack       Found
}

// Unrecorded is an environment whose latest run may have ended without a record in its card: the
// run was terminated, the bucket did not exist, or the card was lost.
type Unrecorded struct {
	// Card is the environment's card. If it was lost, Card has only the environment.
	Card perch.Card
	// Stack is the environment's stack; nil if it has none.
	Stack *Found
}

// AskAbout returns the environments about whose latest run Temporal must be asked. First come those
// whose card has said for a while that a run is working, then those whose card contradicts their
// stack, then the rest. An environment that was reported or changed just now is left out, because a
// report may still be on its way.
func AskAbout(cards []perch.Card, stacks []LiveStack, now time.Time) []Unrecorded {
	ranks := map[int][]Unrecorded{}
	add := func(each Unrecorded) {
		changed := each.Card.State.At
		if each.Stack != nil {
			changed = latest(changed, each.Stack.Changed)
		}
		said := each.Card.State.Phase != perch.PhaseGone && (each.Stack != nil || each.Card.StackID != "")
		busy := each.Stack != nil && strings.HasSuffix(each.Stack.Status, "_IN_PROGRESS")
		switch doubt := contradicted(each.Card, each.Stack); {
		case each.Card.State.Phase.IsWorking() && now.Sub(each.Card.State.At) >= ReportsAfter:
			ranks[0] = append(ranks[0], each)
		case now.Sub(changed) < ReportsAfter || !said || busy || each.Card.State.Phase.IsWorking():
		case doubt:
			ranks[1] = append(ranks[1], each)
		default:
			ranks[2] = append(ranks[2], each)
		}
	}
	live := map[string]*Found{}
	for _, each := range stacks {
		live[each.Environment.Slug] = &each.Stack
	}
	known := map[string]bool{}
	for _, card := range cards {
		known[card.Environment.Slug] = true
		add(Unrecorded{card, live[card.Environment.Slug]})
	}
	for _, each := range stacks {
		if !known[each.Environment.Slug] {
			add(Unrecorded{perch.Card{Environment: each.Environment}, &each.Stack})
		}
	}
	var asked []Unrecorded
	for rank := range 3 {
		slices.SortStableFunc(ranks[rank], func(a, b Unrecorded) int {
			return a.Card.State.At.Compare(b.Card.State.At)
		})
		asked = append(asked, ranks[rank]...)
	}
	return asked[:min(MaxAsked, len(asked))]
}

// contradicted reports whether the card's state cannot be the last one of an environment with this
// stack, or without one.
func contradicted(card perch.Card, stack *Found) bool {
	state := card.State
	deployed := state.Phase == perch.PhaseReady || state.Phase == perch.PhaseSuperseded
	switch {
	case stack == nil:
		return card.StackID != ""
	case state.Phase == "", stack.Changed.After(state.At):
		return true
	case stack.Status == "DELETE_FAILED":
		return state.Goal == perch.GoalUp
	}
	return deployed && stack.Commit != "" && stack.Commit != state.Commit
}

// ClosedRun describes how a run ended, from Temporal.
type ClosedRun struct {
	RunID         string
	Began, Closed time.Time
	// Goal and Commit are what the run worked for.
	Goal   perch.Goal
	Commit string
	// Answer is the run's answer to the request in the card, or to its own.
	Answer Answer
}

// End returns the state that the environment's run would have reported at its end. known is false
// if the card already has that state or a later one, or if the run's end does not tell the
// environment's state.
func (u Unrecorded) End(run ClosedRun) (state perch.CardState, known bool) {
	if u.Card.State.Phase.IsWorking() {
		return EndState(u.Card.State, run), true
	}
	if run.RunID != u.Card.State.RunID || run.Goal != u.Card.State.Goal || run.Commit != u.Card.State.Commit {
		state.Goal, state.Commit = run.Goal, run.Commit
	} else {
		state = u.Card.State
	}
	state = EndState(state, run)
	said := u.Card.State
	switch {
	case said.RunID == run.RunID && said.Phase == state.Phase && said.Commit == state.Commit,
		said.RunID != run.RunID && !run.Began.After(said.Begun):
		return perch.CardState{}, false
	case run.Answer.Failure != "":
		return state, true
	case run.Goal == perch.GoalUp && state.Phase == perch.PhaseReady:
		return state, u.Stack != nil && Reached(u.Stack.Status) && u.Stack.Commit == run.Commit
	case run.Goal == perch.GoalGone && state.Phase == perch.PhaseGone:
		return state, u.Stack == nil
	case run.Goal == perch.GoalGone && state.Phase == perch.PhaseKept:
		return state, u.Stack != nil
	}
	return state, run.Goal == perch.GoalUp && state.Phase == perch.PhaseRejected && state.Outcome != ""
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
