package logs

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"perch"
	"perch/mask"
)

// mostBytes is how many bytes a line may have.
const mostBytes = 500

// maskLines masks secrets in lines and returns how many it masked. It goes through one stream after
// the other, because lines of several instances may alternate, and a secret may span lines of one.
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

// escapes matches escape sequences, which terminals read as colours and the like.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\))")

// clean removes from a line everything that is not text, so that the patterns find secrets that it
// would hide.
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

// shortened returns the line, cut to at most mostBytes.
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
