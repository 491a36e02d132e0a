package source

import (
	"fmt"
	"time"
)

// RateLimited means that the source accepts no requests until a time. It proves nothing about any
// branch.
type RateLimited struct {
	// Until is when to try again.
	Until time.Time
	// Reason is the message, without the time.
	Reason string
}

func (e *RateLimited) Error() string {
	return fmt.Sprintf("%s; ask again after %s", e.Reason, e.Until.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// Rejected is an answer that stays the same after a retry: a person must fix the credentials, the
// policy or the repository. It proves nothing about any branch.
type Rejected struct {
	// Reason is a sentence that says what to do.
	Reason string
}

func (e *Rejected) Error() string { return e.Reason }
