package pulse

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdkactivity "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"perch"
	"perch/activities/activitytest"
)

func TestLingerEndsWithTheTimeTheContextOrTheWorker(t *testing.T) {
	stopping := make(chan struct{})
	close(stopping)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		stop chan struct{}
		ctx  func(context.Context) context.Context
		d    time.Duration
		want error
	}{
		"time":   {make(chan struct{}), func(ctx context.Context) context.Context { return ctx }, time.Nanosecond, nil},
		"worker": {stopping, func(ctx context.Context) context.Context { return ctx }, time.Hour, ErrStopping},
		"context": {make(chan struct{}), func(ctx context.Context) context.Context {
			joined, stop := context.WithCancel(ctx)
			context.AfterFunc(cancelled, stop)
			return joined
		}, time.Hour, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			env := activitytest.NewEnvironment()
			env.SetWorkerStopChannel(c.stop)
			var got error
			linger := func(ctx context.Context, _ struct{}) (struct{}, error) {
				got = Linger(c.ctx(ctx), c.d)
				return struct{}{}, nil
			}
			if _, err := activitytest.TryIn(env, linger, struct{}{}); err != nil || !errors.Is(got, c.want) {
				t.Errorf("ended with %v (%v), want %v", got, err, c.want)
			}
		})
	}
}

func TestResumeContinuesOnlyFromProgressThatHasBegun(t *testing.T) {
	begun := perch.Progress{Status: "NEW", Since: time.Unix(100, 0).UTC()}
	for name, c := range map[string]struct {
		details any
		want    string
	}{
		"nothing":        {nil, "NEW"},
		"earlier":        {perch.Progress{Status: "OLD", Since: time.Unix(1, 0)}, "OLD"},
		"without a time": {perch.Progress{Status: "OLD"}, "NEW"},
		"something else": {"text", "NEW"},
	} {
		t.Run(name, func(t *testing.T) {
			env := activitytest.NewEnvironment()
			if c.details != nil {
				env.SetHeartbeatDetails(c.details)
			}
			again := func(ctx context.Context, _ struct{}) (string, error) { return Resume(ctx, begun).Status, nil }
			if got, err := activitytest.TryIn(env, again, struct{}{}); err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestAPulseBeatsWithTheLatestProgressUntilItIsStopped(t *testing.T) {
	env := activitytest.NewEnvironment()
	var beats []string
	env.SetOnActivityHeartbeatListener(func(_ *sdkactivity.Info, details converter.EncodedValues) {
		var progress perch.Progress
		if details.Get(&progress) == nil {
			beats = append(beats, progress.Status)
		}
	})
	work := func(ctx context.Context, _ struct{}) (struct{}, error) {
		pulse, stop := Start(ctx, perch.Progress{Status: "FIRST"})
		defer stop()
		pulse.Set(perch.Progress{Status: "SECOND"})
		return struct{}{}, nil
	}
	if _, err := activitytest.TryIn(env, work, struct{}{}); err != nil || len(beats) == 0 || beats[0] != "FIRST" {
		t.Errorf("beats %q, %v", beats, err)
	}
}

// newPulse runs a pulse until ctx ends, and counts its beats.
func newPulse(ctx context.Context) (p *Pulse, beats *atomic.Int64) {
	beats = &atomic.Int64{}
	p = &Pulse{ctx: ctx, record: func(context.Context, ...any) { beats.Add(1) }, beats: time.NewTicker(Beat)}
	go p.run(ctx)
	return p, beats
}

func TestAPulseBeatsOftenEnoughForTheHeartbeatTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		_, beats := newPulse(ctx)
		time.Sleep(time.Minute + time.Second)
		stop()
		synctest.Wait()
		if n := beats.Load(); n != 10 {
			t.Errorf("%d beats in a minute, want 10", n)
		}
		time.Sleep(time.Minute)
		if beats.Load() != 10 {
			t.Error("it goes on when it is stopped")
		}
	})
}

// TestAPulseBeatsOnlyWithoutAChange changes the progress more often than the pulse beats.
func TestAPulseBeatsOnlyWithoutAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, beats := newPulse(t.Context())
		for range 10 {
			time.Sleep(Beat - time.Second)
			p.Set(perch.Progress{})
		}
		if n := beats.Load(); n != 10 {
			t.Errorf("%d beats for ten changes, want 10", n)
		}
		time.Sleep(Beat + time.Second)
		synctest.Wait()
		if n := beats.Load(); n != 11 {
			t.Errorf("%d beats after ten changes and a pause, want 11", n)
		}
	})
}
