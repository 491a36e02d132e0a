package config

import (
	"fmt"
	"strings"
	"unicode"
)

// uncarried are the ASCII characters that do not reach the app as they are. Beanstalk wants quotes
// and backslashes escaped by a backslash (Beanstalk guide, "Environment properties"), and Compose
// gives them a meaning in `.env`. The guide does not list the backtick.
const uncarried = "\\\"'`"

// uncarriedIn names what keeps Elastic Beanstalk from carrying a value of one line to the app;
// empty if nothing does. Values end in a file `.env` that Compose reads, without quotes around
// them.
func uncarriedIn(value string) string {
	if at := strings.IndexFunc(value, uncarriedRune); at >= 0 {
		char := []rune(value[at:])[0]
		return fmt.Sprintf("has the character %c (%U) at byte %d", char, char, at+1)
	}
	switch trimmed := strings.TrimSpace(value); {
	case strings.Contains(value, " #"):
		return "has a # after a space: the app would get only what is before it"
	case strings.HasPrefix(value, "#"):
		return "begins with #: the app would get nothing"
	case trimmed != value:
		return "begins or ends with a space, which the app would not get"
	}
	return ""
}

// uncarriedRune reports whether a character is none of the letters, digits, spaces and ASCII signs
// that are carried.
func uncarriedRune(r rune) bool {
	if r < unicode.MaxASCII {
		return strings.ContainsRune(uncarried, r)
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}
