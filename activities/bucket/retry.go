package bucket

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"perch/activities/awserr"
	"perch/activities/pulse"
)

const (
	// stuckAfter is how long an emptying goes on while nothing succeeds. Then the error is
	// Temporal's to retry.
	stuckAfter = 2 * time.Minute
	// backoffFirst and backoffMost bound the pause after temporary failures.
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 5 * time.Second
)

// passingCodes are failures, of calls and of single keys, that are temporary; slowCodes are those
// of them that ask to slow down.
var (
	slowCodes = map[string]bool{
		"SlowDown": true, "ServiceUnavailable": true, "Throttling": true, "ThrottlingException": true,
		"RequestLimitExceeded": true, "TooManyRequests": true,
	}
	passingCodes = map[string]bool{"InternalError": true, "RequestTimeout": true, "OperationAborted": true}
	retryable    = retry.IsErrorRetryables(retry.DefaultRetryables)
)

func passingCode(code string) bool { return slowCodes[code] || passingCodes[code] }

// passing reports whether a call's failure is temporary.
func passing(err error) bool {
	return passingCode(awserr.Code(err)) || retryable.IsErrorRetryable(err) == aws.TrueTernary
}

// slow reports whether S3 asks to slow down: by code, or by a 503 whose body was lost on the way.
func slow(err error) bool {
	var response *smithyhttp.ResponseError
	return slowCodes[awserr.Code(err)] ||
		errors.As(err, &response) && response.HTTPStatusCode() == http.StatusServiceUnavailable
}

// backoff is the pause after that many failures in a row, one or more: doubled each time, and
// anything from half of it to all.
func backoff(failures int) time.Duration {
	most := backoffMost
	if failures < 10 {
		most = min(backoffMost, backoffFirst<<(failures-1))
	}
	return most/2 + rand.N(most/2)
}

// persist makes one call until it succeeds, fails for good, or nothing has succeeded for
// stuckAfter.
func (e *emptying) persist(ctx context.Context, call func(context.Context) error) error {
	for failures := 1; ; failures++ {
		err := call(ctx)
		if err == nil {
			e.moved.Store(time.Now().UnixNano())
		}
		e.noteThrottling(slow(err))
		if err == nil || ctx.Err() != nil || !passing(err) || e.stuck() {
			return err
		}
		if err := pulse.Pause(ctx, backoff(failures)); err != nil {
			return err
		}
	}
}

func (e *emptying) stuck() bool {
	return time.Since(time.Unix(0, e.moved.Load())) > stuckAfter
}
