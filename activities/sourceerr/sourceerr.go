// Package sourceerr says errors of the branch source as activities return them.
package sourceerr

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/awserr"
	"perch/source"
)

// RateLimited is the type of the error of a source that wants no requests for a while; the activity
// is tried again then.
const RateLimited = "RateLimited"

// Wrap is an error of the branch source as an activity returns it: a rate limit says when to try
// again, and what no retry fixes is final.
func Wrap(err error, tried string, args ...any) error {
	var (
		rejected *source.Rejected
		limited  *source.RateLimited
	)
	message := fmt.Sprintf(tried, args...)
	switch {
	case errors.As(err, &rejected):
		return awserr.Final(perch.ErrorInvalid, "%s: %v", message, err)
	case errors.As(err, &limited):
		return temporal.NewApplicationErrorWithOptions(
			message+": "+err.Error(),
			RateLimited,
			temporal.ApplicationErrorOptions{
				NextRetryDelay: max(time.Second, time.Until(limited.Until)+time.Second),
			},
		)
	}
	return fmt.Errorf("%s: %w", message, err)
}

// CommitFault is what is wrong with a file of the commit, in words; empty if nothing is, or the
// source did not answer.
func CommitFault(err error) string {
	var fault *source.CommitFault
	if errors.As(err, &fault) {
		return fault.Error()
	}
	return ""
}
