package run

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
)

// beat is the longest time between two heartbeats of an activity that makes a few calls. Most
// activities end before their first heartbeat.
const beat = 6 * time.Second

// beats is an interceptor that sends heartbeats for activities that do not send any. With them,
// Temporal notices within the heartbeat timeout that a worker died, even if an attempt takes long.
type beats struct {
	interceptor.WorkerInterceptorBase
}

func (*beats) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	return &beating{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type beating struct {
	interceptor.ActivityInboundInterceptorBase
}

func (b *beating) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	over, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-over.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return b.Next.ExecuteActivity(ctx, in)
}
