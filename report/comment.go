package report

import (
	"encoding/json"
	"fmt"
	"html"
	"math"
	"strings"
	"time"

	"perch"
	"perch/mask"
)

const (
	// longestSentence is the maximum length, in characters, of a failure or title in a comment.
	// GitHub accepts 65,536 characters in all.
	longestSentence = 2000
	// longestValue is the maximum length of a setting's value.
	longestValue = 100
	// mostSettings is the maximum number of settings in a comment.
	mostSettings = 40
)

// Marker returns the first line of an environment's comment, by which Perch finds the comment.
func Marker(e perch.Environment) string {
	return fmt.Sprintf("<!-- perch:%s:%s -->", e.Project, e.Slug)
}

// Comment returns the environment's comment on a pull request, in Markdown. It shows the warning
// and the pin that are in force at now.
func Comment(card perch.Card, pullRequest int, now time.Time) string {
	var out strings.Builder
	state := card.State
	fmt.Fprintln(&out, Marker(card.Environment))
	if warning := ShownWarning(card, now); warning != nil {
		fmt.Fprintln(&out, WarningMarker(*warning))
	}
	fmt.Fprintf(&out, "### %s\n\n%s", heading(state), keeping(card, pullRequest, now))
	out.WriteString("| | |\n|---|---|\n")
	for _, row := range rows(card, now) {
		if row.text == "" {
			continue
		}
		fmt.Fprintf(&out, "| %s | %s |\n", row.name, row.text)
	}
	if state.Phase == perch.PhaseFailed && state.Failure != "" {
		fmt.Fprintf(&out, "\n%s", quoted(state.Failure))
		if state.Goal == perch.GoalUp {
			out.WriteString(logged(card.Log))
		}
	}
	if state.Phase != perch.PhaseGone && len(state.Settings) > 0 {
		title := fmt.Sprintf("%d settings differ from staging", len(state.Settings))
		if len(state.Settings) == 1 {
			title = "1 setting differs from staging"
		}
		fmt.Fprintf(&out, "\n%s", folded(title, settings(state.Settings)))
	}
	return out.String()
}

// row is a line of the comment's table. A row without a text is left out.
type row struct{ name, text string }

func rows(card perch.Card, now time.Time) []row {
	state := card.State
	all := []row{{"State", cell(sentence(state))}, {"Pinned", pinned(card, now)}}
	if state.Goal == perch.GoalUp && state.Commit != "" {
		all = append(all, row{"Commit", "`" + perch.ShortCommit(state.Commit) + "`"})
	}
	all = append(all, row{"Link", link(card)})
	if state.Phase == perch.PhaseGone {
		return append(
			all, row{"Removed", stamp(state.At)}, row{"Cost", total(card)}, row{"Requested by", cell(state.By)},
		)
	}
	if state.Phase == perch.PhaseReady {
		all = append(all, row{"Took", took(state.At.Sub(state.Begun))})
	}
	if state.USDPerDay > 0 {
		all = append(all, row{"Costs", fmt.Sprintf("%.2f USD a day (estimate)", state.USDPerDay)})
	}
	return append(all, row{"Requested by", cell(state.By)}, row{"Updated", stamp(state.At)})
}

// heading returns the comment's title.
func heading(state perch.CardState) string {
	switch {
	case state.Outcome == perch.OutcomeSkipped:
		return "No environment"
	case state.Phase == perch.PhaseReady:
		return "Environment is ready"
	case state.Phase == perch.PhaseFailed && state.Goal == perch.GoalUp:
		return "Deployment failed"
	case state.Phase == perch.PhaseFailed:
		return "Removal failed"
	case state.Phase == perch.PhaseRejected:
		return "Deployment rejected"
	case state.Phase == perch.PhaseGone:
		return "Environment is removed"
	case state.Goal == perch.GoalGone && state.Phase == perch.PhaseKept:
		return "Environment is kept"
	case state.Goal == perch.GoalGone:
		return "Environment is being removed"
	}
	return "Environment is being deployed"
}

// sentence describes the state in words. It leaves out the failure, which the comment shows
// elsewhere.
func sentence(state perch.CardState) string {
	if state.Phase == perch.PhaseFailed {
		state.Failure = ""
	}
	return Words(state)
}

// link returns the environment's address. It is empty before the address answers and after the
// environment is removed. A later request that failed or was rejected does not hide it.
func link(card perch.Card) string {
	state := card.State
	switch {
	case state.Phase == perch.PhaseGone || state.Phase == perch.PhaseRemoving || len(card.Ready) == 0:
		return ""
	case state.Phase == perch.PhaseReady || state.Goal == perch.GoalGone:
		return address(card.Ready[0].URL)
	case card.Ready[0].URL == "":
		return ""
	}
	return fmt.Sprintf("%s (`%s`)", address(card.Ready[0].URL), perch.ShortCommit(card.Ready[0].Commit))
}

// address formats url as a link if it is one.
func address(url string) string {
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") ||
		strings.ContainsAny(url, " |<>()[]\"'`\n") {
		return ""
	}
	return "<" + url + ">"
}

// total returns the environment's cost so far.
func total(card perch.Card) string {
	if card.USDPerDay == 0 || card.Since.IsZero() || !card.State.At.After(card.Since) {
		return ""
	}
	days := card.State.At.Sub(card.Since).Hours() / 24
	cost := fmt.Sprintf("about %.2f USD", days*card.USDPerDay)
	if days*card.USDPerDay < 0.01 {
		cost = "less than 0.01 USD"
	}
	return fmt.Sprintf("%s for %s (estimate)", cost, span(days))
}

// took formats the duration of a run.
func took(d time.Duration) string {
	switch minutes := int(math.Round(d.Minutes())); {
	case d <= 0:
		return ""
	case minutes < 1:
		return "less than a minute"
	case minutes == 1:
		return "1 minute"
	case minutes < 120:
		return fmt.Sprintf("%d minutes", minutes)
	}
	return span(d.Hours() / 24)
}

// span formats a number of days.
func span(days float64) string {
	switch hours := int(math.Round(days * 24)); {
	case hours < 1:
		return "less than an hour"
	case hours == 1:
		return "1 hour"
	case days < 2:
		return fmt.Sprintf("%d hours", hours)
	}
	return fmt.Sprintf("%d days", int(math.Round(days)))
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04 UTC")
}

// settings formats the differences as a table.
func settings(all []perch.SettingDifference) string {
	var out strings.Builder
	out.WriteString("| setting | staging | this environment |\n|---|---|---|\n")
	for _, s := range all[:min(len(all), mostSettings)] {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", cell(s.Path), cell(value(s.A)), cell(value(s.B)))
	}
	if more := len(all) - mostSettings; more > 0 {
		fmt.Fprintf(&out, "\n%d more; `perch diff` shows them.\n", more)
	}
	return out.String()
}

func value(of any) string {
	if of == nil {
		return "not set"
	}
	text, err := json.Marshal(of)
	if err != nil {
		return fmt.Sprint(of)
	}
	if letters := []rune(string(text)); len(letters) > longestValue {
		return string(letters[:longestValue]) + "..."
	}
	return string(text)
}

// folded returns a section that a reader can expand.
func folded(title, text string) string {
	return fmt.Sprintf("<details><summary>%s</summary>\n\n%s\n</details>\n", html.EscapeString(title), text)
}

// fenced returns text as a Markdown code block. The fence is longer than any in the text.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "text\n" + strings.TrimRight(text, "\n") + "\n" + fence + "\n"
}

// quoted returns a failure as a Markdown quotation. Unlike a code block it wraps, so that people
// can read all of it on a phone.
func quoted(failure string) string {
	lines := strings.Split(strings.TrimSpace(clip(failure)), "\n")
	for i, line := range lines {
		lines[i] = cell(line)
	}
	return "> **Failure:** " + strings.Join(lines, "<br>") + "\n"
}

// cell escapes text for a table, so that it is not Markdown and does not notify anyone.
func cell(text string) string {
	var out strings.Builder
	for _, c := range strings.Join(strings.Fields(clip(text)), " ") {
		switch c {
		case '@': // A zero-width space keeps GitHub from notifying a person.
			out.WriteString("@\u200b")
		case '<', '&':
			out.WriteString(html.EscapeString(string(c)))
		case '|', '`', '*', '_', '[', ']', '\\', '~', '#', '!':
			out.WriteString("\\" + string(c))
		default:
			out.WriteRune(c)
		}
	}
	return out.String()
}

// clip shortens foreign text and masks its secrets.
func clip(text string) string {
	text, _ = mask.Text(text)
	if letters := []rune(text); len(letters) > longestSentence {
		return string(letters[:longestSentence]) + "..."
	}
	return text
}
