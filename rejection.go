package perch

import "fmt"

// Rejection explains why a request is rejected: the policy, perch.yaml or the state on AWS does not
// allow it. It is not a failure, and the same request would be rejected again. Deciding functions
// return it as an error.
type Rejection struct {
	// Reason is a sentence for people that says what was requested, what is allowed and what to do.
	Reason string `json:"reason"`
}

// Reject returns a Rejection with a formatted reason.
func Reject(format string, args ...any) *Rejection {
	return &Rejection{Reason: fmt.Sprintf(format, args...)}
}

func (r *Rejection) Error() string { return r.Reason }
