package lifecycle

import (
	"cmp"

	"perch"
)

// PastLife returns the record of a removed environment, from the last card of its stack. The
// record's lists are never nil.
func PastLife(card perch.Card) perch.Life {
	state := card.State
	past := perch.Life{
		Branch: card.Environment.Branch, Slug: card.Environment.Slug, StackID: card.StackID,
		Commit: lastReady(card), Created: card.Since, Ended: state.At, By: perch.ShortSentence(state.By),
		Reason:       perch.ShortSentence(endReason(state)),
		PullRequests: append([]perch.PullRequest{}, card.PullRequests...),
		Timeline:     append([]perch.TimelineEntry{}, card.Timeline...),
		Leftovers:    []perch.Leftover{}, Log: cmp.Or(card.Log, card.LastLog),
	}
	if past.Created.IsZero() {
		past.Created = state.Begun
	}
	if len(past.Timeline) == 0 { // Cards of earlier versions have none.
		past.Timeline = append(past.Timeline, entryOf(state))
	}
	past.USD = costSoFar(card.USDPerDay, past.Ended.Sub(past.Created))
	for _, removal := range card.Removals {
		if removal.StackID == card.StackID && len(removal.Leftovers) > 0 {
			past.Leftovers = append(past.Leftovers, perch.Leftover{
				Branch: past.Branch, Stack: card.Environment.StackName(), StackID: removal.StackID,
				Resources: removal.Leftovers, Since: removal.Begun,
			})
		}
	}
	return past
}

// ReplacedLife returns the last card of a stack that was replaced by another stack and not ended by
// a removal. state is the first state reported for the new stack. ended is false if no stack was
// replaced.
func ReplacedLife(card perch.Card, stackID string, state perch.CardState) (last perch.Card, ended bool) {
	if card.StackID == "" || stackID == "" || card.StackID == stackID {
		return perch.Card{}, false
	}
	last = card
	last.State = state
	last.State.At = state.Begun
	for _, entry := range card.Timeline {
		if entry.RunID == "" || entry.RunID == state.RunID || entry.Ended.IsZero() {
			continue
		}
		if entry.Request == string(perch.GoalGone) && entry.Outcome == string(perch.OutcomeGone) {
			return perch.Card{}, false // The removal has written its record.
		}
		if entry.Request == string(perch.GoalGone) && entry.Outcome == string(perch.OutcomeFailed) {
			last.State = perch.CardState{
				Goal: perch.GoalGone, By: entry.By, Reason: entry.Reason, Phase: perch.PhaseFailed,
				Failure: entry.Sentence,
				RunID:   entry.RunID, Begun: entry.Begun, At: entry.Ended,
			}
		}
		break
	}
	return last, true
}

// lastReady returns the last commit that became ready; empty if none did.
func lastReady(card perch.Card) string {
	if len(card.Ready) > 0 {
		return card.Ready[0].Commit
	}
	for _, entry := range card.Timeline {
		if entry.Outcome == string(perch.OutcomeReady) {
			return entry.Commit
		}
	}
	return card.State.RemovedCommit
}

// endReason explains why the environment was removed. If state is that of an `up`, the environment
// was created again.
func endReason(state perch.CardState) string {
	if state.Goal == perch.GoalUp {
		return "created again: " + cmp.Or(state.Reason, "up")
	}
	return state.Reason
}
