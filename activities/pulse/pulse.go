// Package pulse sends an activity's heartbeats, and ends its waits early when its worker stops.
package pulse

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
)

// Beat is the longest time between two heartbeats. The heartbeat timeout of activities that wait is
// 20 seconds.
const Beat = 6 * time.Second

// ErrStopping ends a wait when the worker stops. Temporal retries it at once, so another worker
// continues from the last heartbeat, without waiting for the heartbeat timeout.
var ErrStopping = errors.New("this worker stops; another one goes on")

// Pulse sends heartbeats with the latest progress while an activity works.
type Pulse struct {
	// ctx is the activity's own context. The SDK may send a heartbeat later, with the context of an
	// earlier one. If that context ended with the Pulse, the heartbeat would be lost.
	ctx    context.Context
	record func(ctx context.Context, details ...any)
	// beats ticks a Beat after the last heartbeat.
	beats    *time.Ticker
	mu       sync.Mutex
	progress perch.Progress
}

// Start sends a heartbeat at once, and then at least one every Beat until stop is called.
func Start(ctx context.Context, progress perch.Progress) (p *Pulse, stop func()) {
	running, cancel := context.WithCancel(ctx)
	p = &Pulse{ctx: ctx, record: activity.RecordHeartbeat, beats: time.NewTicker(Beat)}
	p.Set(progress)
	go p.run(running)
	return p, cancel
}

func (p *Pulse) run(running context.Context) {
	defer p.beats.Stop()
	for {
		select {
		case <-running.Done():
			return
		case <-p.beats.C:
			p.mu.Lock()
			progress := p.progress
			p.mu.Unlock()
			p.record(p.ctx, progress)
		}
	}
}

// Set sends a heartbeat with new progress. The next one without a change follows a Beat later.
func (p *Pulse) Set(progress perch.Progress) {
	p.mu.Lock()
	p.progress = progress
	p.mu.Unlock()
	p.beats.Reset(Beat)
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

// Resume returns the progress that an earlier attempt of the activity recorded; begun if there is
// none.
func Resume(ctx context.Context, begun perch.Progress) perch.Progress {
	var earlier perch.Progress
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &earlier) == nil &&
		!earlier.Since.IsZero() {
		return earlier
	}
	return begun
}
