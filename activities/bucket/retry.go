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
	// stuckAfter is how long an Emptier continues while no call succeeds. After that it returns the
	// error, and Temporal retries the activity.
	stuckAfter = 2 * time.Minute
	// backoffFirst and backoffMost are the shortest and the longest pause after temporary failures.
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 5 * time.Second
)

// passingCodes are the codes of temporary failures, of calls and of single keys. slowCodes are the
// codes by which S3 throttles; they are temporary, too.
var (
	slowCodes = map[string]bool{
		"SlowDown": true, "ServiceUnavailable": true, "Throttling": true, "ThrottlingException": true,
		"RequestLimitExceeded": true, "TooManyRequests": true,
	}
	passingCodes = map[string]bool{"InternalError": true, "RequestTimeout": true, "OperationAborted": true}
	retryable    = retry.IsErrorRetryables(retry.DefaultRetryables)
)

func passingCode(code string) bool { return slowCodes[code] || passingCodes[code] }

// passing reports whether the failure of a call is temporary.
func passing(err error) bool {
	return passingCode(awserr.Code(err)) || retryable.IsErrorRetryable(err) == aws.TrueTernary
}

// slow reports whether S3 throttled a call: by its code, or by a 503 whose body was lost.
func slow(err error) bool {
	var response *smithyhttp.ResponseError
	return slowCodes[awserr.Code(err)] ||
		errors.As(err, &response) && response.HTTPStatusCode() == http.StatusServiceUnavailable
}

// backoff returns the pause after that many consecutive failures, at least one. The pause doubles
// with each failure, and is a random time between half of that and all of it.
func backoff(failures int) time.Duration {
	most := backoffMost
	if failures < 10 {
		most = min(backoffMost, backoffFirst<<(failures-1))
	}
	return most/2 + rand.N(most/2)
}

// persist repeats a call until it succeeds, fails permanently, or no call has succeeded for
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
