package cli

import (
	"strings"
	"time"

	"perch"
)

const (
	// mostHours is the maximum for `extend --by`: a year, as in perch.yaml.
	mostHours = 8760
	// lastYear is the last year that RFC 3339 can represent.
	lastYear = 9999
)

// extension returns the note of `extend`. given reports whether a flag was set.
func (k keeping) extension(given func(flag string) bool, now time.Time) (note perch.Note, err error) {
	note.Kind = perch.NoteExtend
	switch {
	case given("by") && given("until"):
		return note, usageError("--by and --until both say how long; give only one of them")
	case given("by"):
		note.Longer, err = readHours("--by", k.by)
	case given("until"):
		note.Until, err = readUntil(k.until, now)
	}
	return note, err
}

// pin returns the note of `pin`. given reports whether a flag was set.
func (k keeping) pin(given func(flag string) bool, now time.Time) (note perch.Note, err error) {
	note.Kind, note.Reason = perch.NotePin, strings.TrimSpace(perch.Printable(k.reason))
	if note.Reason == "" {
		return note, usageError("a pin needs a reason, so that others know why the environment stays; " +
			"add one, such as --reason \"demo on Friday\"")
	}
	if given("until") {
		note.Until, err = readUntil(k.until, now)
	}
	return note, err
}

// readHours parses a duration of whole hours, such as 72h.
func readHours(flag, text string) (perch.Hours, error) {
	read, err := time.ParseDuration(text)
	if err != nil || read < time.Hour || read > mostHours*time.Hour || read%time.Hour != 0 {
		return 0, usageError("%s must be whole hours from 1h to %dh, such as 72h, not %q", flag, mostHours, text)
	}
	return perch.Hours(read / time.Hour), nil
}

// readUntil parses an end time. A day ends with its last second in UTC; any other time must have a
// zone.
func readUntil(text string, now time.Time) (until time.Time, err error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		until = day.Add(24*time.Hour - time.Second)
	} else if until, err = readMoment(text); err != nil || until.Year() > lastYear {
		return until, usageError("--until %q is not a date; give a day such as 2026-12-24 (until its end in UTC), "+
			"or a time with its zone such as 2026-12-24T18:00Z", text)
	}
	if !until.After(now) {
		return until, usageError("--until %s is past, it is %s now; choose a later date", text, minute(now))
	}
	return until, nil
}

// readMoment parses a time with a zone, with or without seconds.
func readMoment(text string) (read time.Time, err error) {
	if read, err = time.Parse("2006-01-02T15:04Z07:00", text); err != nil {
		read, err = time.Parse(time.RFC3339, text)
	}
	return read.UTC(), err
}

// minute formats a time for sentences.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
