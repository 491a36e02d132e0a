package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
)

// beat is the longest time between two heartbeats; the heartbeat timeout of waits is 20 seconds.
const beat = 6 * time.Second

// errStopping ends a wait when its worker stops. It is for a retry: another worker goes on from the heartbeat, at once and not
// only when the heartbeat timeout has passed.
var errStopping = errors.New("this worker stops; another one goes on")

// pulse keeps an activity's heartbeat going while it works, with the latest progress.
type pulse struct {
	// ctx is the activity's own: the SDK sends a heartbeat later with the context of an earlier one, and a context that
	// ends with the pulse would lose it.
	ctx      context.Context
	record   func(ctx context.Context, details ...any)
	mu       sync.Mutex
	progress perch.Progress
}

// startPulse beats at once and at least every beat until stop is called.
func startPulse(ctx context.Context, progress perch.Progress) (p *pulse, stop func()) {
	running, cancel := context.WithCancel(ctx)
	p = &pulse{ctx: ctx, record: activity.RecordHeartbeat}
	p.set(progress)
	go p.run(running)
	return p, cancel
}

func (p *pulse) run(running context.Context) {
	ticker := time.NewTicker(beat)
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

func (p *pulse) set(progress perch.Progress) {
	p.mu.Lock()
	p.progress = progress
	p.mu.Unlock()
	p.record(p.ctx, progress)
}

// linger waits for d, or until the activity is cancelled or its worker stops.
func linger(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-activity.GetWorkerStopChannel(ctx):
		return errStopping
	case <-timer.C:
		return nil
	}
}

// resumed is progress as an earlier try of the activity left it, or begun anew.
func resumed(ctx context.Context, begun perch.Progress) perch.Progress {
	var earlier perch.Progress
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &earlier) == nil && !earlier.Since.IsZero() {
		return earlier
	}
	return begun
}
