package report

import (
	"fmt"
	"time"
	"unicode"
)

// Count formats a number with its noun: "1 bucket", "2 buckets".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Span formats a duration in the largest unit of which it has at least two: months, days, hours or
// else minutes.
func Span(d time.Duration) string {
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"month", 30 * 24 * time.Hour}, {"day", 24 * time.Hour}, {"hour", time.Hour}} {
		if d >= 2*unit.length {
			return Count(int(d/unit.length), unit.name)
		}
	}
	if d < time.Minute {
		return "less than a minute"
	}
	return Count(int(d/time.Minute), "minute")
}

// Capital returns text with a capital first letter.
func Capital(text string) string {
	letters := []rune(text)
	if len(letters) > 0 {
		letters[0] = unicode.ToUpper(letters[0])
	}
	return string(letters)
}
