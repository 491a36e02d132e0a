package perch

import "testing"

func TestS106OnlyTheExactValueFalseRemovesTheProtection(t *testing.T) {
	for value, want := range map[string]bool{
		"false": false, "true": true, "": true, "False": true, "FALSE": true, " false": true, "false ": true,
		"0": true, "no": true, "off": true, "until Friday": true,
	} {
		if got, protected := ProtectedByTag(map[string]string{TagProtect: value}); got != value || protected != want {
			t.Errorf("%q: %q, protected %t; want %t", value, got, protected, want)
		}
	}
	if _, protected := ProtectedByTag(map[string]string{TagKind: "branch"}); protected {
		t.Error("a stack without the tag is protected")
	}
}
