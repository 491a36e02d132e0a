package reporting

import (
	"slices"
	"time"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// rememberedReady is how many ready commits a card keeps.
const rememberedReady = 10

// rememberedEnded is how many superseded requests may wait in a card for their report.
const rememberedEnded = 20

// applyInput enters the input into the card. log has the lines that the environment has logged.
// tells means that there is a channel, which is going to deliver what the card says.
func applyInput(
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

// enterWarned enters the time of a warning, once every channel has delivered it. told is the card
// that the channels have reported.
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

// wasDeployed reports whether state belongs to an admitted `up`. Only then was perch.yaml read.
func wasDeployed(state perch.CardState) bool { return state.Goal == perch.GoalUp && state.Kind != "" }

// keeps reports whether the note changes how long the environment lives.
func keeps(note perch.Note) bool {
	switch note.Kind {
	case perch.NoteExtend, perch.NotePin, perch.NoteUnpin, perch.NoteWarn:
		return true
	}
	return false
}

// rememberedAnswers is how many answers to notes a card keeps.
const rememberedAnswers = 20

// enterKeep enters a note and its answer, unless the card already has them.
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

// forgetComments makes the channel search for its comments again, because a new warning is a new
// comment. If a delivery is interrupted, the next one then finds the comment, even if there is
// nothing to warn about any more.
func forgetComments(memory *perch.GitHubMemory) {
	for i, comment := range memory.Comments {
		memory.Comments[i] = perch.GitHubComment{PullRequest: comment.PullRequest}
	}
}

// enterSaid enters what a run reported into the card's timeline. It also makes it the card's state,
// unless the card has a later one.
func enterSaid(card *perch.Card, stackID string, state perch.CardState, log *perch.LogLines) (entered bool) {
	lifecycle.EnterRequest(card, state)
	if isStale(state, card.State) {
		return false
	}
	enterState(card, stackID, state, log)
	return true
}

// enterState makes state the card's state. stackID is the stack that state is about, and log has
// the lines that the environment has logged.
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

// messageOf returns the commit message for state, an `up` that the card does not have yet; nil if
// it is not known.
func messageOf(card perch.Card, state perch.CardState) *perch.CommitMessage {
	if state.Message == nil && state.Commit == card.State.Commit {
		return card.Message
	}
	return state.Message
}

// doneBefore is the result of a seed step that an earlier deployment ran, if the card does not have
// its result.
const doneBefore = "done before"

// seedsOf returns the seed steps of a deployment that became ready. If a run finds its commit
// already deployed, it runs no steps and reports none, so the card keeps those that it has.
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

// isStale reports whether state is older than the card's state. An activity that timed out may
// still be running while a later one has finished.
func isStale(state, known perch.CardState) bool {
	if state.RunID == known.RunID {
		return state.At.Before(known.At)
	}
	return state.Begun.Before(known.Begun)
}

// enterReady puts a commit first, and removes an earlier entry of the same commit.
func enterReady(ready []perch.ReadyCommit, newest perch.ReadyCommit) []perch.ReadyCommit {
	others := slices.DeleteFunc(
		slices.Clone(ready), func(r perch.ReadyCommit) bool { return r.Commit == newest.Commit },
	)
	ready = append([]perch.ReadyCommit{newest}, others...)
	return ready[:min(len(ready), rememberedReady)]
}

// copied returns the card with a copy of everything that a channel changes.
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

// enter enters what has been reported into the card. If the card was written since it was read,
// another activity may be reporting at the same time, and it is not known which of the two made the
// last call. So everything is reported again.
func enter(card *perch.Card, told perch.Card, read string) {
	if card.Slack.At.After(told.Slack.At) { // A late message was posted meanwhile.
		told.Slack = card.Slack
		told.Slack.Undelivered = true
	}
	card.Slack = told.Slack // A posted message stays posted, even if another activity has written.
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
