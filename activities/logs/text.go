package logs

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"perch"
	"perch/mask"
)

// mostBytes is how long a line may be.
const mostBytes = 500

// maskLines masks secrets in lines and returns how many. It takes the streams one by one, because
// the lines of several instances alternate.
func maskLines(lines []perch.LogLine) int {
	streams := map[string][]int{}
	for i, line := range lines {
		stream := line.Stream + line.File
		streams[stream] = append(streams[stream], i)
	}
	count := 0
	for _, stream := range streams {
		texts := make([]string, len(stream))
		for k, i := range stream {
			texts[k] = lines[i].Text
		}
		count += mask.Lines(texts)
		for k, i := range stream {
			lines[i].Text = texts[k]
		}
	}
	return count
}

// escapes are what terminals read as colours and the like.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\))")

// clean takes out of a line what is not text, so that nothing hides a secret from the patterns.
func clean(text string) string {
	text = escapes.ReplaceAllString(strings.ToValidUTF8(text, "?"), "")
	return strings.TrimRight(strings.Map(func(c rune) rune {
		switch {
		case c == '\t' || c == '\n' || c == '\r':
			return ' '
		case unicode.IsControl(c) || unicode.Is(unicode.Cf, c):
			return -1
		}
		return c
	}, text), " ")
}

// shortened is a line without what is too much of it.
func shortened(text string) string {
	if len(text) <= mostBytes {
		return text
	}
	const rest = "..."
	cut := mostBytes - len(rest)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + rest
}
