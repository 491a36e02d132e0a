package pages

import (
	"fmt"
	"math"
	"strings"
	"time"

	"perch/report"
)

// moment is the view of a time: in words relative to now, and exactly.
type moment struct {
	Words string
	// Machine is RFC 3339 in UTC. Full is for people who want the exact time.
	Machine, Full string
}

// at returns the view of t; nil for the zero time, so that a template can leave it out.
func at(t, now time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &moment{Words: relative(t, now), Machine: t.Format(time.RFC3339), Full: t.Format("2 Jan 2006, 15:04 UTC")}
}

// stamped returns the view of a timestamp in a document; nil if it is empty.
func stamped(text string, now time.Time) *moment {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil
	}
	return at(t, now)
}

// relative returns words such as "3 hours ago" or "in 2 days".
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

// dollars formats an amount of money; it returns an empty string for 0, which means that there is
// no estimate.
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

// systems names the systems that requests and notes come from, by the word before the colon in By.
var systems = map[string]string{
	"web": "", "webhook": "GitHub", "github-actions": "GitHub Actions", "circleci": "CircleCI",
}

// ownWords has the words for Perch itself, by the value of By.
var ownWords = map[string]string{
	"cleanup": "Perch (cleanup)", "expiry": "Perch (expiry)", "sweep": "Perch (sweep)", "schedule": "Perch (schedule)",
	"perch": "Perch",
}

// person returns words for the person in By, such as "ana (GitHub Actions)".
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

// loginOf returns the GitHub login in By; empty if it has none.
func loginOf(by string) string {
	system, login, _ := strings.Cut(by, ":")
	if _, known := systems[system]; !known {
		return ""
	}
	return login
}

// clipped shortens text to at most longest characters.
func clipped(text string, longest int) string {
	if letters := []rune(text); len(letters) > longest {
		return string(letters[:longest-1]) + "…"
	}
	return text
}

// number formats the number of a pull request, such as "#12"; empty for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("#%d", n)
}
