package services

import "testing"

func TestS192AnAppGetsEnvironmentValuesAsComposeParsesThem(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "a b": "a b", `"quoted"`: "quoted", "'single'": "single", "red #1": "red", "#1": "",
		" a ":  "a",
		"it's": "it's",
	} {
		if got := composeValue(value); got != want {
			t.Errorf("%q: the app gets %q, want %q", value, got, want)
		}
	}
}
