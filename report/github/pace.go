package github

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// GitHub takes 80 writes a minute and 500 an hour from one user or App, the web interface included
// (GitHub docs: Rate limits for the REST API). All workers of a project together make at most
// perMinute and perHour: a burst, and a steady rate beside it.
const (
	perMinute   = 60
	minuteBurst = 20
	perHour     = 400
	hourBurst   = 120
	// keptFree is how many writes of minuteBurst an intermediate state leaves for the last states
	// of requests.
	keptFree = 5
)

// errPace says that the pace has no room for a write.
var errPace = errors.New("too many writes in a short time")

// pace keeps the writes of a worker below its share of GitHub's limits.
type pace struct {
	minute, hour *rate.Limiter

	mu sync.Mutex
	// workers is among how many workers the limits are divided.
	workers int
	// held is until when GitHub wants no writes.
	held time.Time
}

func newPace() *pace {
	return &pace{
		minute:  rate.NewLimiter(rate.Limit(perMinute-minuteBurst)/60, minuteBurst),
		hour:    rate.NewLimiter(rate.Limit(perHour-hourBurst)/3600, hourBurst),
		workers: 1,
	}
}

// share divides the limits among so many workers from now on.
func (p *pace) share(now time.Time, workers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if workers < 1 || workers == p.workers {
		return
	}
	p.workers = workers
	p.minute.SetLimitAt(now, rate.Limit(perMinute-minuteBurst)/60/rate.Limit(workers))
	p.minute.SetBurstAt(now, max(1, minuteBurst/workers))
	p.hour.SetLimitAt(now, rate.Limit(perHour-hourBurst)/3600/rate.Limit(workers))
	p.hour.SetBurstAt(now, max(1, hourBurst/workers))
}

// take takes a write, and reports false if there is none free. The last state of a request may take
// the last one.
func (p *pace) take(now time.Time, last bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.held) {
		return false
	}
	free, burst := min(p.minute.TokensAt(now), p.hour.TokensAt(now)), float64(p.minute.Burst())
	if free < 1 || !last && free < min(burst, 1+keptFree*burst/minuteBurst) {
		return false
	}
	return p.minute.AllowN(now, 1) && p.hour.AllowN(now, 1)
}

// hold makes no writes until a time.
func (p *pace) hold(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.held) {
		p.held = until
	}
}
