package bucket

import (
	"math"
	"time"
)

const (
	// mostRequests is how many requests to delete run at the same time at most. S3 takes one to
	// three seconds for a full request, and deletes 3,500 keys a second in a partition (AWS docs:
	// "Best practices design patterns: optimizing Amazon S3 performance").
	mostRequests = 10
	// firstRate is the rate at the beginning and leastRate the lowest rate, in keys a second.
	firstRate, leastRate = 5000, 25
	// leastBatch is the smallest size of a request, in keys. batchGrowth is the number of keys by
	// which requests grow after one that succeeded.
	leastBatch, batchGrowth = 50, 50
	// slower is the factor by which a rejection reduces the rate, but not below the rate at which
	// S3 has deleted lately.
	slower = 0.8
	// growth is the share by which the rate grows in a second directly after a rejection. The share
	// doubles every growthDoubles without a rejection, up to 1.
	growth        = 0.04
	growthDoubles = 2 * time.Second
	// lateness is how far behind its schedule a busy machine may fall and still catch up.
	lateness = 300 * time.Millisecond
	// lately is the period whose deletions count as the rate that S3 allows.
	lately = 2 * time.Second
)

// pace decides how many keys a request to delete may have and when it may be sent. Both the keys of
// a request and the keys a second increase additively and decrease multiplicatively. A pace belongs
// to one goroutine.
type pace struct {
	size     int
	rate     float64
	requests int
	// next is the time from which the next request may be sent.
	next time.Time
	// round counts the decreases. A request that was sent before the last decrease says nothing
	// about the pace after it.
	round int
	// rejected is when S3 last throttled a request. grown is when the rate last grew.
	rejected, grown time.Time
	// failures counts consecutive rounds in which nothing was deleted.
	failures int
	recent   []removal
}

// removal records how many keys were deleted at a time.
type removal struct {
	at   time.Time
	keys int
}

func newPace() *pace { return &pace{size: deleteBatch, rate: firstRate} }

// admits reports whether a request may be sent now.
func (p *pace) admits(now time.Time) bool {
	return p.requests < mostRequests && !now.Before(p.next)
}

// ready returns a channel that is ready when the next request may be sent; nil if it may be sent
// now.
func (p *pace) ready(now time.Time) <-chan time.Time {
	if !now.Before(p.next) {
		return nil
	}
	return time.After(p.next.Sub(now))
}

// sent counts a request of n keys and returns the round that it belongs to.
func (p *pace) sent(n int, now time.Time) (round int) {
	p.requests++
	p.later(now, time.Duration(float64(n)/p.rate*float64(time.Second)))
	return p.round
}

func (p *pace) later(now time.Time, d time.Duration) {
	if p.next.Before(now.Add(-lateness)) {
		p.next = now.Add(-lateness)
	}
	p.next = p.next.Add(d)
}

// finished records the outcome of a request for n keys: how many were deleted, and whether S3
// throttled it.
func (p *pace) finished(n, gone int, slow bool, round int, now time.Time) {
	p.requests--
	p.recent = append(p.recent, removal{now, gone})
	for p.recent[0].at.Before(now.Add(-lately)) {
		p.recent = p.recent[1:]
	}
	if gone > 0 {
		p.failures = 0
	}
	switch {
	case gone == n:
		p.grow(now)
	case round == p.round:
		p.shrink(n, gone, slow, now)
	}
}

func (p *pace) grow(now time.Time) {
	p.size = min(deleteBatch, p.size+batchGrowth)
	if p.grown.IsZero() {
		p.grown = now
	}
	share := 1.0
	if quiet := now.Sub(p.rejected); quiet < time.Minute {
		share = min(1, growth*math.Exp2(float64(quiet)/float64(growthDoubles)))
	}
	p.rate *= 1 + share*min(1, now.Sub(p.grown).Seconds())
	p.grown = now
}

func (p *pace) shrink(n, gone int, slow bool, now time.Time) {
	p.round++
	if slow {
		p.rejected, p.grown = now, now
		p.rate = max(leastRate, p.rate*slower, min(p.rate, p.shown()))
	}
	if slow && gone < n/2 {
		p.size = max(leastBatch, p.size*3/4)
	}
	if gone > 0 {
		return
	}
	if p.failures++; p.failures > 1 {
		p.later(now, backoff(p.failures-1))
	}
}

// shown returns the rate, in keys a second, at which S3 has deleted lately.
func (p *pace) shown() float64 {
	keys := 0
	for _, d := range p.recent {
		keys += d.keys
	}
	return float64(keys) / lately.Seconds()
}
