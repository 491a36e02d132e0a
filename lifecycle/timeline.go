package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"perch"
)

// rememberedEntries is the maximum number of entries in a card's timeline. Older requests can be
// found in Temporal while it keeps their histories.
const rememberedEntries = 50

// EnterRequest records the state of a run's request in the card's timeline, which has one entry for
// each run. An earlier state does not replace the state with which a run ended.
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

// EnterNote records in the card's timeline a note by which a person keeps the environment.
// rejection explains why the note changed nothing; empty if it was accepted. The caller must call
// it once for each note.
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

// entryOf returns the entry for the state's request.
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

// order sorts the entries, newest first, and drops the oldest.
func order(card *perch.Card) {
	slices.SortStableFunc(card.Timeline, func(a, b perch.TimelineEntry) int { return b.Begun.Compare(a.Begun) })
	card.Timeline = card.Timeline[:min(len(card.Timeline), rememberedEntries)]
}

// endSuperseded ends each open entry that is followed by a later run. Runs of an environment do not
// overlap, but the last report of one may be lost.
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
