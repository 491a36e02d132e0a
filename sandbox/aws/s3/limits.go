package s3

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// Limits are how fast this S3 is. The zero Limits are none.
type Limits struct {
	// Deletes is how many keys a bucket deletes in a second, and the most at once. The keys of a
	// DeleteObjects that are over it fail with SlowDown one by one, and the request as a whole,
	// with status 503, if none is within it. S3's own limit is 3,500 for a partition, which a new
	// bucket has one of (AWS docs: "Best practices design patterns: optimizing Amazon S3
	// performance").
	Deletes float64
	// Latency is the time that every request takes, and KeyLatency what each key of a DeleteObjects
	// adds.
	Latency, KeyLatency time.Duration
}

// wait passes the time that a request takes.
func wait(ctx context.Context, d time.Duration) error {
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

// allowedDeletes is how many of n keys the bucket deletes now. The caller holds mu.
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
