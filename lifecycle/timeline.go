package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"perch"
)

// rememberedEntries is how many entries a card's timeline has: the rest of the environment's life
// is in Temporal, as long as that keeps it.
const rememberedEntries = 50

// EnterRequest enters what a run said of its request into the card's timeline: one entry for each
// run. A state that was said before what the entry has changes nothing.
func EnterRequest(card *perch.Card, state perch.CardState) {
	if state.RunID == "" {
		return
	}
	entry := entryOf(state)
	card.Timeline = slices.Clone(card.Timeline)
	i := slices.IndexFunc(card.Timeline, func(known perch.TimelineEntry) bool { return known.RunID == entry.RunID })
	switch {
	case i < 0:
		card.Timeline = append(card.Timeline, entry)
	case !entry.Ended.IsZero() || card.Timeline[i].Ended.IsZero():
		card.Timeline[i] = entry
	}
	order(card)
	endSuperseded(card)
}

// EnterNote enters a note by which a person keeps the environment into the card's timeline.
// rejection is why it changed nothing; empty if it was entered. A note is entered once by its
// caller.
func EnterNote(card *perch.Card, note perch.Note, rejection string, now time.Time) {
	entry := perch.TimelineEntry{
		Request: string(note.Kind), By: perch.ShortSentence(note.By), Reason: perch.ShortSentence(note.Reason),
		Begun: now, Ended: now, Sentence: perch.ShortSentence(rejection),
	}
	if rejection != "" {
		entry.Outcome = string(perch.OutcomeRejected)
	}
	card.Timeline = append(slices.Clip(card.Timeline), entry)
	order(card)
}

// entryOf is the entry of the request that the state is of.
func entryOf(state perch.CardState) perch.TimelineEntry {
	entry := perch.TimelineEntry{
		Request: string(state.Goal), Commit: perch.ShortSentence(state.Commit), By: perch.ShortSentence(state.By),
		Reason: perch.ShortSentence(state.Reason), Begun: state.Begun,
		Sentence: perch.ShortSentence(cmp.Or(state.Failure, state.Sentence)), RunID: state.RunID,
	}
	if !state.Phase.IsLast() {
		return entry
	}
	entry.Ended, entry.Outcome = state.At, string(state.Outcome)
	switch {
	case state.Phase == perch.PhaseFailed:
		entry.Outcome = string(perch.OutcomeFailed)
	case state.Phase == perch.PhaseSuperseded:
		entry.Outcome = string(perch.OutcomeSuperseded)
	}
	return entry
}

// order puts the newest entries first and forgets the oldest.
func order(card *perch.Card) {
	slices.SortStableFunc(card.Timeline, func(a, b perch.TimelineEntry) int { return b.Begun.Compare(a.Begun) })
	card.Timeline = card.Timeline[:min(len(card.Timeline), rememberedEntries)]
}

// endSuperseded ends each entry without an end that a later run follows: the runs of an environment
// follow each other, and the last report of one may be lost.
func endSuperseded(card *perch.Card) {
	var next time.Time
	for i, entry := range card.Timeline {
		if entry.RunID == "" {
			continue
		}
		if entry.Ended.IsZero() && !next.IsZero() {
			card.Timeline[i].Ended, card.Timeline[i].Outcome = next, string(perch.OutcomeSuperseded)
		}
		next = entry.Begun
	}
}
