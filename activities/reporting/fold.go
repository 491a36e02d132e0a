package reporting

import (
	"slices"
	"time"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// rememberedReady is how many commits that became ready a card keeps.
const rememberedReady = 10

// rememberedEnded is how many requests that were superseded wait in a card to be told.
const rememberedEnded = 20

// fold enters the input into the card, with the lines that the environment has logged. tells says
// that it is going to be told.
func fold(
	card *perch.Card, in contract.ReportInput, log *perch.LogLines, tells bool, bounds perch.PolicyExpiry,
	now time.Time,
) {
	for _, ended := range in.Ended {
		lifecycle.EnterRequest(card, ended)
	}
	if tells {
		card.GitHub.Undelivered, card.GitHub.CommentUndelivered, card.Slack.Undelivered = true, true, true
		for _, ended := range in.Ended {
			if !slices.ContainsFunc(
				card.Ended, func(e perch.CardState) bool { return e.Commit == ended.Commit && e.RunID == ended.RunID },
			) {
				card.Ended = append(card.Ended, ended)
			}
		}
		card.Ended = card.Ended[max(0, len(card.Ended)-rememberedEnded):]
	}
	for _, note := range in.Notes {
		if slices.Contains([]perch.NoteKind{perch.NotePullRequest, perch.NoteReport, perch.NoteWarn}, note.Kind) {
			card.GitHub.PullRequestsOf = ""
		}
		if note.State != nil {
			enterSaid(card, card.StackID, *note.State, card.Log)
		}
	}
	if in.State != nil && enterSaid(card, in.StackID, *in.State, log) {
		if wasDeployed(*in.State) {
			lifecycle.EnterActivity(card, perch.Activity{Kind: perch.ActivityPush, By: in.State.By, At: now}, bounds)
		}
	}
	for _, note := range in.Notes {
		if keeps(note) {
			enterKeep(card, note, bounds, now)
		}
	}
	if tells {
		card.GitHub.Intend(card.State)
	}
}

// enterWarned enters when people were warned, if every channel has taken the warning. told is the
// card as the channels saw it.
func enterWarned(card *perch.Card, told perch.Card, now time.Time) {
	warning := card.ExpiryWarning
	if warning == nil || !warning.At.IsZero() || told.ExpiryWarning == nil ||
		!told.ExpiryWarning.Deadline.Equal(warning.Deadline) || !lifecycle.WarningTaken(*card) {
		return
	}
	warned := *warning
	warned.At = now
	card.ExpiryWarning = &warned
}

// wasDeployed reports whether the state is of an `up` that was admitted, so that its perch.yaml was
// read.
func wasDeployed(state perch.CardState) bool { return state.Goal == perch.GoalUp && state.Kind != "" }

// keeps reports whether the note is about how long the environment lives.
func keeps(note perch.Note) bool {
	switch note.Kind {
	case perch.NoteExtend, perch.NotePin, perch.NoteUnpin, perch.NoteWarn:
		return true
	}
	return false
}

// rememberedAnswers is how many answers to notes a card keeps.
const rememberedAnswers = 20

// enterKeep enters a note once, with its answer.
func enterKeep(card *perch.Card, note perch.Note, bounds perch.PolicyExpiry, now time.Time) {
	if slices.ContainsFunc(card.Answers, func(a perch.NoteAnswer) bool { return a.ID == note.ID }) {
		return
	}
	answer := perch.NoteAnswer{ID: note.ID}
	if err := lifecycle.EnterKeep(card, note, bounds, now); err != nil {
		answer.Rejection = err.Error()
	} else if note.Kind == perch.NoteWarn {
		forgetComments(&card.GitHub)
	}
	if note.Kind != perch.NoteWarn {
		lifecycle.EnterNote(card, note, answer.Rejection, now)
	}
	card.Answers = append(card.Answers, answer)
	card.Answers = card.Answers[max(0, len(card.Answers)-rememberedAnswers):]
}

// forgetComments has the comments searched for, because a warning is a new one: if its delivery is
// cut off, the next one finds what it has left, also when there is nothing to warn of any more.
func forgetComments(memory *perch.GitHubMemory) {
	for i, comment := range memory.Comments {
		memory.Comments[i] = perch.GitHubComment{PullRequest: comment.PullRequest}
	}
}

// enterSaid enters what a run said into the card's timeline, and makes it the card's state unless
// that was said later.
func enterSaid(card *perch.Card, stackID string, state perch.CardState, log *perch.LogLines) (entered bool) {
	lifecycle.EnterRequest(card, state)
	if isStale(state, card.State) {
		return false
	}
	enterState(card, stackID, state, log)
	return true
}

// enterState makes state the card's, with the stack that it is about and the lines that the
// environment has logged.
func enterState(card *perch.Card, stackID string, state perch.CardState, log *perch.LogLines) {
	if stackID != "" && stackID != card.StackID {
		card.StackID, card.Since, card.Ready, card.Seeds = stackID, state.Begun, nil, nil
		card.Extended, card.ExpiryWarning, card.LastLog = time.Time{}, nil, nil
	}
	switch {
	case state.Goal == perch.GoalUp:
		card.Log, card.LastLog, card.Message = log, nil, messageOf(*card, state)
	case log != nil && len(log.Lines) > 0:
		card.LastLog = log
	}
	card.State = state
	if wasDeployed(state) {
		card.Muted, card.Expiry = state.Muted, state.Expiry
	}
	if state.USDPerDay > 0 {
		card.USDPerDay = state.USDPerDay
	}
	switch state.Phase {
	case perch.PhaseReady:
		card.Seeds = seedsOf(*card, state)
		card.Ready = enterReady(card.Ready, perch.ReadyCommit{Commit: state.Commit, At: state.At, URL: state.URL})
	case perch.PhaseGone:
		card.Ready = nil
	}
}

// messageOf is what the source says of the commit of state, an `up` that the card does not have
// yet; nil if that is not known.
func messageOf(card perch.Card, state perch.CardState) *perch.CommitMessage {
	if state.Message == nil && state.Commit == card.State.Commit {
		return card.Message
	}
	return state.Message
}

// doneBefore is the result of a seed step that an earlier deployment has carried out, if no more is
// known of it.
const doneBefore = "done before"

// seedsOf are the seed steps of a deployment that became ready. A run that finds its commit
// deployed carries none out and says none.
func seedsOf(card perch.Card, state perch.CardState) []perch.SeedRecord {
	if len(state.Seeds) == 0 && len(card.Ready) > 0 && card.Ready[0].Commit == state.Commit {
		return card.Seeds
	}
	seeds := slices.Clone(state.Seeds)
	for i, seed := range seeds {
		if seed.Result != "" {
			continue
		}
		seeds[i].Result = doneBefore
		for _, earlier := range card.Seeds {
			if earlier.Step == seed.Step {
				seeds[i].Result = earlier.Result
			}
		}
	}
	return seeds
}

// isStale reports whether the state was said before what the card has: an activity that was cut off
// may still be running while a later one is done.
func isStale(state, known perch.CardState) bool {
	if state.RunID == known.RunID {
		return state.At.Before(known.At)
	}
	return state.Begun.Before(known.Begun)
}

// enterReady puts a commit first, once.
func enterReady(ready []perch.ReadyCommit, newest perch.ReadyCommit) []perch.ReadyCommit {
	others := slices.DeleteFunc(
		slices.Clone(ready), func(r perch.ReadyCommit) bool { return r.Commit == newest.Commit },
	)
	ready = append([]perch.ReadyCommit{newest}, others...)
	return ready[:min(len(ready), rememberedReady)]
}

// copied is the card with all that a channel changes copied.
func copied(card perch.Card) perch.Card {
	card.Ended, card.PullRequests = slices.Clone(card.Ended), slices.Clone(card.PullRequests)
	card.GitHub.Earlier, card.GitHub.Comments = slices.Clone(card.GitHub.Earlier), slices.Clone(card.GitHub.Comments)
	card.GitHub.Intended = slices.Clone(card.GitHub.Intended)
	if last := card.GitHub.Deployment; last != nil {
		deployment := *last
		card.GitHub.Deployment = &deployment
	}
	return card
}

// enter enters into the card what has been told. If it was written since it was read, another
// activity may be telling at the same time, and it is not known whose call came last: everything is
// told again.
func enter(card *perch.Card, told perch.Card, read string) {
	if card.Slack.At.After(told.Slack.At) { // A late message was posted meanwhile.
		told.Slack = card.Slack
		told.Slack.Undelivered = true
	}
	card.Slack = told.Slack // What was posted was posted.
	if card.WriteID == read {
		card.GitHub, card.PullRequests, card.Ended = told.GitHub, told.PullRequests, told.Ended
		return
	}
	card.Slack.Undelivered = true
	memory := &card.GitHub
	memory.Undelivered, memory.CommentUndelivered, memory.Status, memory.PullRequestsOf = true, true, nil, ""
	if memory.Deployment != nil {
		memory.Deployment.State = ""
	}
	for i := range memory.Comments {
		memory.Comments[i].Hash = ""
	}
}
