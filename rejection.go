package perch

import "fmt"

// Rejection says why a request is rejected although nothing failed: the policy, perch.yaml or
// what is on AWS rules it out. It is an answer: the same request is rejected again. It travels as
// one value from where it is decided to where it is shown; functions that decide return it as an
// error.
type Rejection struct {
	// Reason is a sentence for people: what was asked, what is allowed, and what to do.
	Reason string `json:"reason"`
}

// Reject makes a Rejection.
func Reject(format string, args ...any) *Rejection {
	return &Rejection{Reason: fmt.Sprintf(format, args...)}
}

func (r *Rejection) Error() string { return r.Reason }
