package s3

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// Limits make the service as slow as S3. The zero value limits nothing.
type Limits struct {
	// Deletes is the maximum number of keys that a bucket deletes in a second. It is also the
	// maximum that it deletes at once. In a DeleteObjects, each key over the limit fails with
	// SlowDown. If all keys are over it, the whole request fails with status 503. S3's limit is
	// 3,500 for a partition, and a new bucket has one partition (AWS docs: "Best practices design
	// patterns: optimizing Amazon S3 performance").
	Deletes float64
	// Latency is the duration of every request. KeyLatency is the additional duration of each key
	// in a DeleteObjects.
	Latency, KeyLatency time.Duration
}

// waitFor waits for d. It returns an error if ctx is cancelled first.
func waitFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// allowedDeletes returns how many of n keys the bucket may delete now. If it may delete none, it
// returns SlowDown. The caller holds mu.
func (s *Service) allowedDeletes(b *bucket, n int) (int, error) {
	perSecond := s.config.Limits.Deletes
	if perSecond == 0 {
		return n, nil
	}
	at := time.Now()
	if b.deletes == nil {
		b.deletes = rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
	}
	n = min(n, int(b.deletes.TokensAt(at)))
	if n <= 0 {
		return 0, slowDown()
	}
	b.deletes.AllowN(at, n)
	return n, nil
}

func slowDown() *failure {
	return failf(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
}
