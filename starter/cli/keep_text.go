package cli

import (
	"fmt"

	"perch"
)

// keptSentence says until when an environment is kept, and what happens after that.
func keptSentence(branch string, result perch.KeepResult) string {
	end := fmt.Sprintf("people are warned and it is removed; "+
		"its branch stays, and a push or `perch up %s` brings it back.", branch)
	expires := minute(result.Expires)
	switch pin := result.Pin; {
	case pin != nil && result.Expires.IsZero():
		return fmt.Sprintf("%s is pinned until %s. "+
			"It does not expire after that; cleanup removes it when its branch is gone.", branch, minute(pin.Until))
	case pin != nil && result.Expires.After(pin.Until):
		return fmt.Sprintf("%s is pinned until %s. Unless it is used again, it expires at %s: %s",
			branch, minute(pin.Until), expires, end)
	case pin != nil:
		return fmt.Sprintf("%s is pinned until %s. Then it expires: %s", branch, minute(pin.Until), end)
	case result.Expires.IsZero():
		return fmt.Sprintf("%s does not expire; cleanup removes it when its branch is gone.", branch)
	case !result.Expires.After(result.At):
		return fmt.Sprintf("%s has been due to expire since %s: %s", branch, expires, end)
	}
	return fmt.Sprintf("%s is kept until %s. Unless it is used before, it expires then: %s", branch, expires, end)
}
