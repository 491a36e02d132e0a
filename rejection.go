package perch

import "fmt"

// Rejection says why a request is rejected although nothing failed: the policy, perch.yaml or the
// state on AWS does not allow it. The same request is rejected again. Functions that decide return
// it as an error.
type Rejection struct {
	// Reason is a sentence for people: what was requested, what is allowed, and what to do.
	Reason string `json:"reason"`
}

// Reject makes a Rejection.
func Reject(format string, args ...any) *Rejection {
	return &Rejection{Reason: fmt.Sprintf(format, args...)}
}

func (r *Rejection) Error() string { return r.Reason }
