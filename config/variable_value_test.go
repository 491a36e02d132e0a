package config

import (
	"strings"
	"testing"
)

func TestS192AValueThatBeanstalkDoesNotCarryIsRejected(t *testing.T) {
	for value, want := range map[string]string{
		`a\b`:                `environment.V has the character \ (U+005C) at byte 2`,
		`it's`:               `the character ' (U+0027) at byte 3`,
		`{"a": 1}`:           `the character " (U+0022) at byte 2`,
		"a`b":                "the character ` (U+0060)",
		"ship it \U0001f680": "(U+1F680) at byte 9",
		"red #1":             "has a # after a space",
		"#ff0000":            "begins with #",
		" a":                 "begins or ends with a space",
		"a ":                 "begins or ends with a space",
	} {
		quoted := "'" + strings.ReplaceAll(value, "'", "''") + "'"
		_, err := Read(
			"perch.yaml", []byte("project: shop\nimage: a/b:{commit}\ndefaults: {environment: {V: "+quoted+"}}\n"),
		)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "base64") {
			t.Errorf("%s: %v, want %q", value, err, want)
		}
	}
	for _, value := range []string{
		"", "a b", "a#b", "x=1,y=2", "https://a.example/b?c=d&e=f%20g", "$HOME", "(a|b);c*", "Größe", "日本語",
		"a.b_c:d/e+f-g@h",
	} {
		if problem := uncarriedIn(value); problem != "" {
			t.Errorf("%q %s", value, problem)
		}
	}
}
