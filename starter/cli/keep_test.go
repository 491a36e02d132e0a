package cli

import (
	"strings"
	"testing"
	"time"

	"perch"
)

var keepNow = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func TestDatesOfPinsAndExtensions(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-01":                "2026-12-01T23:59:59Z",
		"2026-12-24":                "2026-12-24T23:59:59Z",
		"2026-12-24T18:00Z":         "2026-12-24T18:00:00Z",
		"2026-12-24T18:00:30Z":      "2026-12-24T18:00:30Z",
		"2026-12-24T18:00+01:00":    "2026-12-24T17:00:00Z",
		"2026-12-24T18:00:30-02:30": "2026-12-24T20:30:30Z",
		"9999-12-31":                "9999-12-31T23:59:59Z",
	} {
		until, err := readUntil(text, keepNow)
		if err != nil || until.Location() != time.UTC || until.Format(time.RFC3339) != want {
			t.Errorf("%s is %s (%v), want %s", text, until, err, want)
		}
	}
	for text, want := range map[string]string{
		"2026-11-30": "is past, it is 2026-12-01 12:00 UTC now", "2026-12-01T12:00Z": "is past",
		"tomorrow":   "is not a date",
		"24.12.2026": "is not a date", "2026-12-24 18:00": "is not a date", "9999-12-31T23:00-02:00": "is not a date",
	} {
		if until, err := readUntil(text, keepNow); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %s (%v), want an error with %q", text, until, err, want)
		}
	}
}

func TestWhatPeopleReadOfAKeptEnvironment(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 12, d, 18, 0, 0, 0, time.UTC) }
	pin := &perch.Pin{By: "jane@laptop", Reason: "demo", At: keepNow, Until: day(10)}
	pinned := "cart is pinned until 2026-12-10 18:00 UTC. "
	end := "people are warned and it is removed; its branch stays, and a push or `perch up cart` brings it back."
	for _, c := range []struct {
		want   string
		result perch.KeepResult
	}{
		{pinned +
			"It does not expire after that; cleanup removes it when its branch is gone.", perch.KeepResult{Pin: pin}},
		{pinned + "Unless it is used again, it expires at 2026-12-17 18:00 UTC: " +
			end, perch.KeepResult{Pin: pin, Expires: day(17)}},
		{pinned + "Then it expires: " + end, perch.KeepResult{Pin: pin, Expires: day(4)}},
		{"cart does not expire; cleanup removes it when its branch is gone.", perch.KeepResult{}},
		{
			"cart is kept until 2026-12-17 18:00 UTC. Unless it is used before, it expires then: " + end,
			perch.KeepResult{Expires: day(17)},
		},
		{"cart has been due to expire since 2026-12-01 18:00 UTC: " + end, perch.KeepResult{Expires: day(1)}},
	} {
		c.result.At = day(3)
		if got := keptSentence("cart", c.result); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
