package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/contract"
	"perch/activities/pulse"
)

// AwaitStack waits until the operation on the stack is over, however it ended. Its heartbeats are a perch.Progress.
func (s *Stacks) AwaitStack(ctx context.Context, in contract.AwaitInput) (contract.AwaitResult, error) {
	wait := s.NewWait(in, pulse.Resume(ctx, perch.Progress{Total: in.Total, Since: time.Now().UTC()}))
	sightings, stop := s.Poller.Watch(in.StackID)
	defer stop()
	timer := time.NewTicker(pulse.Beat)
	defer timer.Stop()
	for {
		activity.RecordHeartbeat(ctx, wait.Progress)
		select {
		case <-ctx.Done():
			return contract.AwaitResult{}, ctx.Err()
		case <-activity.GetWorkerStopChannel(ctx):
			return contract.AwaitResult{}, pulse.ErrStopping
		case <-timer.C:
		case seen := <-sightings:
			if result, done, err := wait.Take(ctx, seen); done || err != nil {
				return result, err
			}
		}
	}
}
