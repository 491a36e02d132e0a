// Package sourceerr converts errors of the branch source to errors that activities return.
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

// RateLimited is the type of the error if the source's rate limit is reached. The error says when
// Temporal tries the activity again.
const RateLimited = "RateLimited"

// Wrap converts an error of the branch source to one that an activity returns. A rate limit says
// when to try again. An error that no retry fixes becomes non-retryable.
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

// CommitFault says what is wrong with a file of the commit; empty if nothing is wrong, or if the
// source did not answer.
func CommitFault(err error) string {
	var fault *source.CommitFault
	if errors.As(err, &fault) {
		return fault.Error()
	}
	return ""
}
