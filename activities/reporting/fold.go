package reporting

import (
	"slices"

	"perch"
	"perch/activities/contract"
)

// rememberedReady is how many commits that became ready a card keeps.
const rememberedReady = 10

// fold enters the input into the card, with the lines that the environment has logged.
func fold(card *perch.Card, in contract.ReportInput, log *perch.LogLines) {
	if in.State == nil || isStale(*in.State, card.State) {
		return
	}
	state := *in.State
	if in.StackID != "" && in.StackID != card.StackID {
		card.StackID, card.Since, card.Ready = in.StackID, state.Begun, nil
	}
	card.State, card.Log = state, log
	switch state.Phase {
	case perch.PhaseReady:
		card.Ready = enterReady(card.Ready, perch.ReadyCommit{Commit: state.Commit, At: state.At, URL: state.URL})
	case perch.PhaseGone:
		card.Ready = nil
	}
}

// isStale reports whether the state was said before what the card has: an activity that was cut off may still be
// running while a later one is done.
func isStale(state, known perch.CardState) bool {
	if state.RunID == known.RunID {
		return state.At.Before(known.At)
	}
	return state.Begun.Before(known.Begun)
}

// enterReady puts a commit first, once.
func enterReady(ready []perch.ReadyCommit, newest perch.ReadyCommit) []perch.ReadyCommit {
	others := slices.DeleteFunc(slices.Clone(ready), func(r perch.ReadyCommit) bool { return r.Commit == newest.Commit })
	ready = append([]perch.ReadyCommit{newest}, others...)
	return ready[:min(len(ready), rememberedReady)]
}
