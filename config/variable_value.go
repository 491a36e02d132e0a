package config

import (
	"fmt"
	"strings"
	"unicode"
)

// uncarried are the ASCII characters that do not reach the app unchanged. Beanstalk requires a
// backslash before quotes and backslashes (Beanstalk guide, "Environment properties"), and Compose
// interprets them in `.env`. The guide does not mention the backtick.
const uncarried = "\\\"'`"

// uncarriedIn says why Elastic Beanstalk cannot pass a value of one line to the app unchanged;
// empty if it can. Compose reads the values, without quotes around them, from a file `.env`.
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

// uncarriedRune reports whether a character cannot be passed unchanged. Letters, digits, spaces and
// the other ASCII signs can.
func uncarriedRune(r rune) bool {
	if r < unicode.MaxASCII {
		return strings.ContainsRune(uncarried, r)
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}
