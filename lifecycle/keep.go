package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"perch"
)

// LongestPinReason is the maximum length, in characters, of a pin's reason.
const LongestPinReason = 200

// EnterActivity records in a card that its environment is in use. If the deadline moves, the
// warning about the old one is dropped.
func EnterActivity(card *perch.Card, activity perch.Activity, bounds perch.PolicyExpiry) {
	card.Activity = activity
	if warning := card.ExpiryWarning; warning != nil && !warning.Deadline.Equal(Lifetime(*card, bounds).Deadline) {
		card.ExpiryWarning = nil
	}
}

// EnterKeep records a pin, unpin, extension or warning in the environment's card. If it returns a
// *perch.Rejection, the card is unchanged.
func EnterKeep(card *perch.Card, note perch.Note, bounds perch.PolicyExpiry, now time.Time) error {
	if card.StackID == "" { // The card was lost; the note names the stack that its sender saw.
		card.StackID = note.StackID
	}
	if note.StackID == card.StackID && !note.Created.IsZero() {
		card.Since = note.Created
	}
	if note.StackID != card.StackID {
		return reject(
			"branch %s has another environment now; look at it with `perch status %s`, and try again", note.Branch,
			note.Branch,
		)
	}
	if card.State.Phase == perch.PhaseRemoving {
		return beingRemoved(note.Branch)
	}
	switch note.Kind {
	case perch.NotePin:
		return pin(card, note, bounds, now)
	case perch.NoteUnpin:
		return unpin(card, note, bounds, now)
	case perch.NoteExtend:
		return extend(card, note, bounds, now)
	case perch.NoteWarn:
		return warn(card, note, bounds, now)
	}
	return reject("a note of kind %q keeps no environment", note.Kind)
}

// beingRemoved rejects a pin or an extension of an environment whose deletion has begun, because
// the deletion cannot be stopped.
func beingRemoved(branch string) error {
	return reject("the removal of the environment of branch %s has begun, and nothing stops it; `perch up %s` makes a "+
		"new one",
		branch, branch)
}

func pin(card *perch.Card, note perch.Note, bounds perch.PolicyExpiry, now time.Time) error {
	reason := strings.TrimSpace(perch.Printable(note.Reason))
	latestEnd := now.Add(bounds.Pin.Duration())
	until := note.Until
	if until.IsZero() {
		until = latestEnd
	}
	switch {
	case reason == "":
		return reject("a pin needs a reason, so that others know why the environment stays; add --reason")
	case utf8.RuneCountInString(reason) > LongestPinReason:
		return reject(
			"the reason of a pin has %d characters, and the most is %d; shorten it", utf8.RuneCountInString(reason),
			LongestPinReason,
		)
	case !until.After(now):
		return reject("the pin would end at %s, which is past; choose a later --until", minute(until))
	case until.After(latestEnd):
		return reject("the pin would end at %s, and the policy allows a pin for %s, until %s; choose an earlier "+
			"--until, or raise `expiry.pin` in the policy",
			minute(until), bounds.Pin, minute(latestEnd))
	case card.Pin.Holds(now) && card.Pin.Until.After(until):
		return reject(
			"branch %s is %s, which is longer; to shorten it, `perch unpin %s` first", note.Branch, PinnedBy(*card.Pin),
			note.Branch,
		)
	}
	card.ExpiryWarning = nil // After the pin has ended, people are warned again.
	card.Pin = &perch.Pin{By: note.By, Reason: reason, At: now, Until: until.UTC(), PullRequest: note.PullRequest}
	EnterActivity(card, perch.Activity{Kind: perch.ActivityPin, By: note.By, At: now}, bounds)
	return nil
}

func unpin(card *perch.Card, note perch.Note, bounds perch.PolicyExpiry, now time.Time) error {
	if !card.Pin.Holds(now) && (card.Pin == nil || note.PullRequest == 0) {
		return reject("branch %s is not pinned", note.Branch)
	}
	if card.Pin.PullRequest != 0 && note.PullRequest == 0 {
		ended := *card.Pin
		ended.Until = now
		card.Pin = &ended // The label is still there, and must not pin again.
	} else {
		card.Pin = nil
	}
	EnterActivity(card, perch.Activity{Kind: perch.ActivityUnpin, By: note.By, At: now}, bounds)
	return nil
}

// extend moves the environment's deadline to note.Until, or by note.Longer from the deadline, or
// from now if the deadline has passed. Extensions do not add up: the longest extension counts from
// the deadline that the environment has without any.
func extend(card *perch.Card, note perch.Note, bounds perch.PolicyExpiry, now time.Time) error {
	life := Lifetime(*card, bounds)
	from := latest(life.Deadline, now)
	until, longest := note.Until, life.Extend
	if note.Longer != 0 {
		until = from.Add(note.Longer.Duration())
	} else if until.IsZero() {
		until = from.Add(life.Extend)
	}
	if bounds.Extend != 0 {
		longest = bounds.Extend.Duration()
	}
	unextended := *card
	unextended.Extended = time.Time{}
	limit := latest(Lifetime(unextended, bounds).Deadline, now).Add(longest)
	switch {
	case life.Deadline.IsZero():
		return reject("branch %s cannot be extended: %s", note.Branch, life.Reason)
	case !until.After(now):
		return reject("%s is past; choose a later --until", minute(until))
	case !until.After(life.Deadline):
		return reject("branch %s expires at %s only, so there is nothing to extend", note.Branch, minute(life.Deadline))
	case !life.Longest.IsZero() && until.After(life.Longest):
		return reject(
			"branch %s can be extended until %s at most: `expiry.max` bounds its life; pin it to keep it longer",
			note.Branch, minute(life.Longest),
		)
	case until.After(limit):
		return reject("an extension until %s is longer than the policy allows: %s beyond %s, the end without an "+
			"extension; choose %s at most, or raise `expiry.extend` in the policy",
			minute(until), perch.Hours(longest/time.Hour), minute(limit.Add(-longest)), minute(limit))
	}
	card.Extended = until.UTC()
	EnterActivity(card, perch.Activity{Kind: perch.ActivityExtend, By: note.By, At: now}, bounds)
	return nil
}

// warn records a warning to deliver. It rejects the warning if the deadline has changed since or a
// pin is in force.
func warn(card *perch.Card, note perch.Note, bounds perch.PolicyExpiry, now time.Time) error {
	life := Lifetime(*card, bounds)
	if note.Warning == nil || !note.Warning.Deadline.Equal(life.Deadline) || card.Pin.Holds(now) {
		return reject("branch %s does not expire as the warning says", note.Branch)
	}
	if warnedOf(*card, life.Deadline) {
		return nil
	}
	if card.ExpiryWarning == nil || !card.ExpiryWarning.Deadline.Equal(life.Deadline) {
		card.Slack.Warned = "" // A pin postponed the deadline, so Slack must be warned about the new one.
	}
	announced := *note.Warning
	announced.At = time.Time{}
	card.ExpiryWarning = &announced
	return nil
}

// MayBeKept returns a *perch.Rejection if the environment with the stack cannot be pinned or
// extended.
func MayBeKept(stack Found, policy *perch.Policy, repositoryID string) error {
	environment, kind, ours := perch.Owned(policy.Identity(repositoryID), stack.Name, stack.Tags)
	if !ours {
		return reject("stack %s is not managed by Perch for this repository; nothing was changed", stack.Name)
	}
	if kind != perch.KindBranch || environment.Branch == policy.DefaultBranch {
		return reject("the environment of branch %s never expires and cleanup never removes it (its kind is %s), so "+
			"there is nothing to keep",
			environment.Branch, kind)
	}
	if pattern, protected := perch.MatchAny(policy.Protected, environment.Branch); protected {
		return reject("the environment of branch %s never expires, and cleanup never removes it: it is protected by "+
			"the pattern %s in the policy",
			environment.Branch, pattern)
	}
	if strings.HasPrefix(stack.Status, "DELETE_") {
		return beingRemoved(environment.Branch)
	}
	return nil
}

// LabelNote returns the note that the labels of a branch's pull requests require: a pin, its end,
// or nil. A label pins only once. To pin again after the pin has ended, a person must set the label
// again. The label of a closed pull request sets no new pin, but a pin that it has already set
// stays. (GitHub closes a pull request when its branch is deleted.)
func LabelNote(card perch.Card, pulls []PullRequest, now time.Time) *perch.Note {
	labelled, closed := 0, 0
	pinned := card.Pin != nil && card.Pin.PullRequest != 0
	for _, pull := range pulls {
		switch {
		case !slices.Contains(pull.Labels, perch.LabelKeep):
		case pull.Open:
			labelled = pull.Number
		case pinned && pull.Number == card.Pin.PullRequest:
			closed = pull.Number
		}
	}
	labelled = cmp.Or(labelled, closed)
	switch {
	case labelled != 0 && !card.Pin.Holds(now) && (!pinned || card.Pin.PullRequest != labelled):
		return &perch.Note{
			Kind: perch.NotePin, PullRequest: labelled,
			Reason: fmt.Sprintf("pull request #%d has the label %s", labelled, perch.LabelKeep),
		}
	case labelled == 0 && pinned:
		return &perch.Note{Kind: perch.NoteUnpin, PullRequest: card.Pin.PullRequest}
	}
	return nil
}

// unusedLabel explains why the label of a closed pull request keeps the environment of a deleted
// branch: the newest pull request has it, and no run has seen it yet. It is empty if none does.
func unusedLabel(card perch.Card, branch string, pulls []PullRequest) string {
	newest := PullRequest{}
	for _, pull := range pulls {
		if pull.Number > newest.Number {
			newest = pull
		}
	}
	used := card.Pin != nil && card.Pin.PullRequest == newest.Number
	if used || !slices.Contains(newest.Labels, perch.LabelKeep) {
		return ""
	}
	return fmt.Sprintf("pull request #%d has the label %s; without the label, or by `perch down %s`, the environment "+
		"is removed",
		newest.Number, perch.LabelKeep, branch)
}

// NoteWords describes the effect of a note from LabelNote.
func NoteWords(note perch.Note) string {
	if note.Kind == perch.NotePin {
		return note.Reason + ", which pins the environment"
	}
	return fmt.Sprintf("no pull request has the label %s any more, which pinned the environment", perch.LabelKeep)
}
