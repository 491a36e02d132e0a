package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"perch"
)

// ShownWarning returns the warning that the comment shows; nil if none is in force. A pin suspends
// a warning, and a removal ends it.
func ShownWarning(card perch.Card, now time.Time) *perch.ExpiryWarning {
	if leaving(card.State) || card.Pin.Holds(now) {
		return nil
	}
	return card.ExpiryWarning
}

// WarningMarker returns a marker for a comment that was created because of the warning. GitHub
// notifies people of a new comment, and not of an edited one.
func WarningMarker(warning perch.ExpiryWarning) string {
	return fmt.Sprintf("<!-- perch:expires:%s -->", warning.Key())
}

// leaving reports whether the environment is being removed, or is removed.
func leaving(state perch.CardState) bool {
	switch state.Phase {
	case perch.PhaseGrace, perch.PhaseRemoving, perch.PhaseGone:
		return true
	}
	return false
}

// keeping returns the text about expiry that precedes the table in a pull request's comment. It may
// be empty.
func keeping(card perch.Card, pullRequest int, now time.Time) string {
	if warning := ShownWarning(card, now); warning != nil {
		return fmt.Sprintf("**This environment expires, and is removed after %s%s.** One of these keeps it%s:\n\n%s\n",
			stamp(warning.End), because("", cell(warning.Reason)), mention(card, pullRequest), keepers(card))
	}
	if !card.State.Expired || !leaving(card.State) {
		return ""
	}
	why := because("", cell(strings.TrimPrefix(card.State.Reason, "expired: ")))
	if card.State.Phase == perch.PhaseGrace {
		return fmt.Sprintf("**The environment has expired%s.** It is removed after the grace period, unless one of "+
			"these keeps it:\n\n%s\n",
			why, keepers(card))
	}
	return fmt.Sprintf("**The environment has expired%s.** The branch %s still exists. A push brings the environment "+
		"back, and so does %s.\n\n",
		why, code(card.Environment.Branch), code("perch up "+Quoted(card.Environment.Branch)))
}

// keepers lists the ways to keep the environment. If the environment is at the end of the longest
// allowed life, only a pin keeps it.
func keepers(card perch.Card) string {
	branch := Quoted(card.Environment.Branch)
	ways := []string{
		code("perch pin " + branch + ` --reason "..."`),
		"the label " + code(perch.LabelKeep) + " on this pull request",
	}
	if warning := card.ExpiryWarning; warning == nil || !warning.Longest {
		ways = slices.Insert(ways, 0, "a push", code("perch extend "+branch))
	}
	return "- " + strings.Join(ways, "\n- ") + "\n"
}

// mention returns the login of the pull request's author, so that GitHub notifies them. It is empty
// if the author is unknown or an App.
func mention(card perch.Card, pullRequest int) string {
	for _, pull := range card.PullRequests {
		if pull.Number == pullRequest && pull.Author != "" && !strings.ContainsFunc(pull.Author, notInLogin) {
			return ", @" + pull.Author
		}
	}
	return ""
}

// notInLogin reports whether c cannot be in a GitHub user name. An App's name ends with `[bot]`.
func notInLogin(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
}

// pinned returns the table row of a pin in force.
func pinned(card perch.Card, now time.Time) string {
	if !card.Pin.Holds(now) || leaving(card.State) {
		return ""
	}
	return fmt.Sprintf("by %s until %s%s", cell(card.Pin.By), stamp(card.Pin.Until), because("", cell(card.Pin.Reason)))
}

// Quoted quotes a branch for a shell.
func Quoted(branch string) string {
	if !strings.ContainsFunc(branch, special) {
		return branch
	}
	return "'" + strings.ReplaceAll(branch, "'", `'\''`) + "'"
}

// special reports whether c has a meaning in a shell.
func special(c rune) bool { return notInLogin(c) && !strings.ContainsRune("/.:@%+=,", c) }

// code formats text as inline code. The fence is longer than any in the text.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}
