package slack

import (
	"fmt"
	"strings"

	"perch"
	"perch/mask"
	"perch/report"
)

// longestText is how many characters of a failure a message has. Slack takes 3,000 in a section
// (Slack docs: Block Kit, section).
const longestText = 1500

// message is what is to be posted. Its keys name the state and the warning in it; a key is empty if
// the message has nothing of that.
type message struct{ state, warning, text string }

// due is what the card says that has not been told; false if there is nothing.
func (c *Channel) due(card perch.Card) (due message, ok bool) {
	var lines []string
	if state := card.State; tells(state) {
		if key := strings.Join([]string{state.RunID, string(state.Phase), state.Commit}, " "); key != card.Slack.Told {
			due.state, lines = key, append(lines, c.stateLine(card))
		}
	}
	if warning := report.ShownWarning(card, c.now()); warning != nil {
		if key := warning.Key(); key != card.Slack.Warned {
			due.warning, lines = key, append(lines, warningLine(card, *warning))
		}
	}
	due.text = strings.Join(lines, "\n")
	return due, len(lines) > 0
}

// enter enters that the message was posted.
func (m message) enter(memory *perch.SlackMemory) {
	if m.state != "" {
		memory.Told = m.state
	}
	if m.warning != "" {
		memory.Warned = m.warning
	}
}

// named is the environment for people.
func named(card perch.Card) string {
	return "*" + escape(card.Environment.Branch) + "* of " + escape(card.Environment.Project)
}

// tells reports whether people are told of the state: of ends of requests that concern an
// environment.
func tells(state perch.CardState) bool {
	switch state.Phase {
	case perch.PhaseReady, perch.PhaseFailed, perch.PhaseGone, perch.PhaseKept:
		return true
	case perch.PhaseRejected:
		return state.Outcome != perch.OutcomeSkipped
	}
	return false
}

// stateLine is the state in a line: branch, words, commit, address, who requested it, and the run.
func (c *Channel) stateLine(card perch.Card) string {
	state := card.State
	line := named(card) + " is " + escape(report.Words(state))
	switch {
	case state.Phase == perch.PhaseFailed && state.Goal == perch.GoalGone:
		line = "The removal of " + named(card) + " failed: " + escape(state.Failure)
	case state.Phase == perch.PhaseFailed:
		line = "The deployment of " + named(card) + " failed: " + escape(state.Failure)
	}
	if state.Goal == perch.GoalUp && state.Commit != "" {
		line += " (" + perch.ShortCommit(state.Commit) + ")"
	}
	if state.Phase == perch.PhaseReady && state.URL != "" {
		line += " at " + link(state.URL, state.URL)
	}
	if state.By != "" {
		line += ", requested by " + escape(state.By)
	}
	if c.RunURL != nil && state.RunID != "" {
		line += " " + link(c.RunURL(card.Environment, state.RunID), "run")
	}
	return line
}

// warningLine says when the environment is removed, and how to keep it.
func warningLine(card perch.Card, warning perch.ExpiryWarning) string {
	keep := "A push, or " + command("perch extend "+report.Quoted(card.Environment.Branch)) + ", keeps it."
	if warning.Longest {
		keep = command("perch pin "+report.Quoted(card.Environment.Branch)+" --reason WHY") + " keeps it."
	}
	return fmt.Sprintf("%s expires (%s) and is removed after %s. %s",
		named(card), escape(warning.Reason), warning.End.UTC().Format("2006-01-02 15:04 UTC"), keep)
}

// heldText says that cleanup is held, and how to go on.
func heldText(project string, brake perch.CleanupBrake) string {
	return fmt.Sprintf("Cleanup of *%s* is held: %s. `perch cleanup --dry-run` shows the plan, and `perch cleanup "+
		"approve %s` carries it out.",
		escape(project), escape(brake.Reason), escape(brake.Hash))
}

// command is a command that people copy into a shell: as code, unless a backtick in it would end
// that.
func command(text string) string {
	if strings.Contains(text, "`") {
		return escape(text)
	}
	return "`" + escape(text) + "`"
}

// escape makes text of others harmless: it neither links nor notifies anyone (Slack docs:
// Formatting text). Secrets are masked.
func escape(text string) string {
	text, _ = mask.Text(strings.Join(strings.Fields(text), " "))
	if letters := []rune(text); len(letters) > longestText {
		text = string(letters[:longestText]) + "..."
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// link is a link, if the address is one; else its name.
func link(address, name string) string {
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") ||
		strings.ContainsAny(address, "|<> \n") {
		return escape(name)
	}
	return "<" + address + "|" + escape(name) + ">"
}
