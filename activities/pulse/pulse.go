// Package pulse keeps an activity's heartbeat going, and its waits short when its worker stops.
package pulse

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
)

// Beat is the longest time between two heartbeats; the heartbeat timeout of waits is 20 seconds.
const Beat = 6 * time.Second

// ErrStopping ends a wait when its worker stops. It is for a retry: another worker goes on from the
// heartbeat, at once and not only when the heartbeat timeout has passed.
var ErrStopping = errors.New("this worker stops; another one goes on")

// Pulse keeps an activity's heartbeat going while it works, with the latest progress.
type Pulse struct {
	// ctx is the activity's own: the SDK sends a heartbeat later with the context of an earlier
	// one, and a context that ends with the Pulse would lose it.
	ctx      context.Context
	record   func(ctx context.Context, details ...any)
	mu       sync.Mutex
	progress perch.Progress
}

// Start beats at once and at least every Beat until stop is called.
func Start(ctx context.Context, progress perch.Progress) (p *Pulse, stop func()) {
	running, cancel := context.WithCancel(ctx)
	p = &Pulse{ctx: ctx, record: activity.RecordHeartbeat}
	p.Set(progress)
	go p.run(running)
	return p, cancel
}

func (p *Pulse) run(running context.Context) {
	ticker := time.NewTicker(Beat)
	defer ticker.Stop()
	for {
		select {
		case <-running.Done():
			return
		case <-ticker.C:
			p.mu.Lock()
			progress := p.progress
			p.mu.Unlock()
			p.record(p.ctx, progress)
		}
	}
}

func (p *Pulse) Set(progress perch.Progress) {
	p.mu.Lock()
	p.progress = progress
	p.mu.Unlock()
	p.record(p.ctx, progress)
}

// Linger waits for d, or until the activity is cancelled or its worker stops.
func Linger(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-activity.GetWorkerStopChannel(ctx):
		return ErrStopping
	case <-timer.C:
		return nil
	}
}

// Pause waits for d, or until the context ends.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Resume is the progress that an earlier attempt of the activity recorded, or begun if there is
// none.
func Resume(ctx context.Context, begun perch.Progress) perch.Progress {
	var earlier perch.Progress
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &earlier) == nil &&
		!earlier.Since.IsZero() {
		return earlier
	}
	return begun
}
