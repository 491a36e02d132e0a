package pages

import (
	"fmt"
	"math"
	"strings"
	"time"

	"perch/report"
)

// moment is a time as a page shows it: words that are relative to now, and the time itself.
type moment struct {
	Words string
	// Machine is RFC 3339 in UTC, Full what a person reads who wants to know exactly.
	Machine, Full string
}

// at is the moment t; nil for the zero time, so that a template can leave it out.
func at(t, now time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &moment{Words: relative(t, now), Machine: t.Format(time.RFC3339), Full: t.Format("2 Jan 2006, 15:04 UTC")}
}

// stamped is the moment of a timestamp in a document; nil if it is empty.
func stamped(text string, now time.Time) *moment {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil
	}
	return at(t, now)
}

// relative says how long ago t was, or in how long it is.
func relative(t, now time.Time) string {
	switch apart := now.Sub(t); {
	case apart >= time.Minute:
		return report.Span(apart) + " ago"
	case apart >= 0:
		return "just now"
	default:
		return "in " + report.Span(-apart)
	}
}

// dollars is an amount of money; empty for 0, which says that there is no estimate.
func dollars(amount float64) string {
	switch {
	case amount <= 0 || math.IsNaN(amount) || math.IsInf(amount, 0):
		return ""
	case amount < 0.01:
		return "under 0.01 USD"
	case amount >= 1000:
		return fmt.Sprintf("%.0f USD", amount)
	}
	return fmt.Sprintf("%.2f USD", amount)
}

// systems are what requests and notes come from, by the word before the colon of their By.
var systems = map[string]string{
	"web": "", "webhook": "GitHub", "github-actions": "GitHub Actions", "circleci": "CircleCI",
}

// ownWords are what Perch itself is called in By.
var ownWords = map[string]string{
	"cleanup": "Perch (cleanup)", "expiry": "Perch (expiry)", "sweep": "Perch (sweep)", "schedule": "Perch (schedule)",
	"perch": "Perch",
}

// person is who By names, as people say it: "ana (GitHub Actions)".
func person(by string) string {
	if words, own := ownWords[by]; own {
		return words
	}
	system, login, found := strings.Cut(by, ":")
	words, known := systems[system]
	switch {
	case !found || !known:
		return by
	case words == "":
		return login
	}
	return login + " (" + words + ")"
}

// loginOf is the name on GitHub that By has; empty if it has none.
func loginOf(by string) string {
	system, login, _ := strings.Cut(by, ":")
	if _, known := systems[system]; !known {
		return ""
	}
	return login
}

// clipped is text of at most so many characters.
func clipped(text string, longest int) string {
	if letters := []rune(text); len(letters) > longest {
		return string(letters[:longest-1]) + "…"
	}
	return text
}

// number is that of a pull request as people write it; empty for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("#%d", n)
}
