package activitytest

import (
	"fmt"
	"net"
	"testing"

	"github.com/aws/smithy-go"
)

func TestOnlyABrokenConnectionIsTriedAgain(t *testing.T) {
	retryer := OneAttempt()
	if !retryer.IsErrorRetryable(fmt.Errorf("read: %w", net.ErrClosed)) {
		t.Error("a connection that broke is not tried again")
	}
	if retryer.IsErrorRetryable(&smithy.GenericAPIError{Code: "Throttling"}) {
		t.Error("an answer of AWS is tried again")
	}
}
