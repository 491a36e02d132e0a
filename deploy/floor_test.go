package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/pulse"
)

const (
	// floorAddress is the variable that makes this test binary the worker of the floor: it has
	// Temporal's address.
	floorAddress   = "PERCH_FLOOR_TEMPORAL"
	floorNamespace = "PERCH_FLOOR_NAMESPACE"
	floorQueue     = "floor"
	floorWaitQueue = "floor-wait"
	floorSignal    = "begin"
)

// floorInput is how much a run of the floor does: as much as the run of Perch that it is compared
// with. Its first upsert sets all of Perch's search attributes, and each other one the phase, as
// Perch's do. Waits of its activities are on the second task queue, where they send heartbeats as
// Perch's do when nothing changes: one at the beginning, and one in each pulse.Beat. The first of
// them waits as long as the stack took.
type floorInput struct {
	Activities, Waits, Timers, Upserts int
	Wait                               time.Duration
}

// floor is a workflow that orchestrates nothing: it costs what Temporal and its SDK cost.
func floor(ctx workflow.Context, in floorInput) error {
	workflow.GetSignalChannel(ctx, floorSignal).Receive(ctx, nil)
	ctx = workflow.WithActivityOptions(
		ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: 20 * time.Second},
	)
	for i := range max(in.Activities, in.Timers, in.Upserts) {
		if i < in.Upserts {
			names := []string{perch.AttributePhase}
			if i == 0 {
				names = perch.SearchAttributes()
			}
			var updates []temporal.SearchAttributeUpdate
			for _, name := range names {
				value := fmt.Sprint(workflow.GetInfo(ctx).WorkflowExecution.ID, i)
				updates = append(updates, temporal.NewSearchAttributeKeyKeyword(name).ValueSet(value))
			}
			if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
				return err
			}
		}
		if i < in.Timers {
			if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		if i < in.Activities {
			activityCtx, name, wait := ctx, floorCall, time.Duration(0)
			if first := in.Activities - in.Waits; i >= first {
				activityCtx, name = workflow.WithTaskQueue(ctx, floorWaitQueue), floorWait
				if i == first {
					wait = in.Wait
				}
			}
			if err := workflow.ExecuteActivity(activityCtx, name, wait).Get(ctx, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// floorCall does nothing.
func floorCall(context.Context, time.Duration) error { return nil }

// floorWait waits, with heartbeats.
func floorWait(ctx context.Context, wait time.Duration) error {
	over := time.NewTimer(wait)
	defer over.Stop()
	beats := time.NewTicker(pulse.Beat)
	defer beats.Stop()
	for {
		activity.RecordHeartbeat(ctx)
		select {
		case <-over.C:
			return nil
		case <-beats.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serveFloor is the worker of the floor, with two task queues as Perch's. It ends with its process.
func serveFloor(address, namespace string) error {
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	c, err := client.Dial(client.Options{HostPort: address, Namespace: namespace, Logger: quiet})
	if err != nil {
		return err
	}
	waits := worker.New(c, floorWaitQueue, worker.Options{
		DisableWorkflowWorker: true, MaxHeartbeatThrottleInterval: time.Second,
	})
	waits.RegisterActivity(floorWait)
	if err := waits.Start(); err != nil {
		return err
	}
	defer waits.Stop()
	calls := worker.New(c, floorQueue, worker.Options{})
	calls.RegisterWorkflow(floor)
	calls.RegisterActivity(floorCall)
	return calls.Run(nil)
}

// startFloor starts that worker as a process.
func (c *crowded) startFloor(b *testing.B, address, namespace string) {
	b.Helper()
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := exec.Command(program)
	p.Dir, p.Env = b.TempDir(), append(os.Environ(), floorAddress+"="+address, floorNamespace+"="+namespace)
	c.floor = start(b, b.TempDir(), "floor", p)
}

// measureOf is how much a run did.
func (c *crowded) measureOf(b *testing.B, run client.WorkflowRun) floorInput {
	b.Helper()
	in := floorInput{Wait: c.stackTime(b, run.GetID())}
	events := c.temporal.GetWorkflowHistory(
		b.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
	)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			b.Fatal(err)
		}
		switch event.GetEventType() {
		case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			in.Activities++
			if event.GetActivityTaskScheduledEventAttributes().GetTaskQueue().GetName() == perch.WaitQueue(project) {
				in.Waits++
			}
		case enums.EVENT_TYPE_TIMER_STARTED:
			in.Timers++
		case enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			in.Upserts++
		}
	}
	return in
}

// spent is what a crowd cost for each environment: processor time of Temporal and of the worker,
// and the median time of a run.
type spent struct{ temporal, worker, median time.Duration }

// used is the processor time that Temporal and a worker have used so far.
func (c *crowded) used(b *testing.B, worker *process) spent {
	b.Helper()
	return spent{
		temporal: processorTime(b, c.server.Process.Pid), worker: processorTime(b, worker.Process.Pid),
	}
}

// since is what was used since then, for each of size runs.
func (s spent) since(before spent, size int) spent {
	each := time.Duration(size)
	return spent{temporal: (s.temporal - before.temporal) / each, worker: (s.worker - before.worker) / each}
}

// floorOf runs as many runs of the floor at once.
func (c *crowded) floorOf(b *testing.B, size int, in floorInput) spent {
	b.Helper()
	before := c.used(b, c.floor)
	took := make(chan time.Duration, size)
	for i := range size {
		go func() {
			begun := time.Now()
			id := fmt.Sprintf("floor-%d-%d-%d", size, i, begun.UnixNano())
			options := client.StartWorkflowOptions{ID: id, TaskQueue: floorQueue}
			run, err := c.temporal.SignalWithStartWorkflow(b.Context(), id, floorSignal, nil, options, floor, in)
			if err == nil {
				err = run.Get(b.Context(), nil)
			}
			if err != nil {
				b.Error(err)
			}
			took <- time.Since(begun) - in.Wait
		}()
	}
	var all []time.Duration
	for range size {
		all = append(all, <-took)
	}
	cost := c.used(b, c.floor).since(before, size)
	cost.median = median(all, func(d time.Duration) time.Duration { return d })
	return cost
}

// reportFloor reports what Perch cost as a multiple of the floor: processor time by the mean of all
// turns, and the time of a run by the median.
func reportFloor(b *testing.B, perchs, floors []spent) {
	b.Helper()
	mean := func(all []spent, of func(spent) time.Duration) (sum time.Duration) {
		for _, one := range all {
			sum += of(one)
		}
		return sum / time.Duration(len(all))
	}
	temporal := func(s spent) time.Duration { return s.temporal }
	worker := func(s spent) time.Duration { return s.worker }
	both := func(s spent) time.Duration { return s.temporal + s.worker }
	own := func(s spent) time.Duration { return s.median }
	b.ReportMetric(float64(mean(perchs, temporal))/float64(mean(floors, temporal)), "x-floor-temporal")
	b.ReportMetric(float64(mean(perchs, both))/float64(mean(floors, both)), "x-floor-processor")
	b.ReportMetric(float64(median(perchs, own))/float64(median(floors, own)), "x-floor-beyond-stack")
	for name, all := range map[string][]spent{"": perchs, "floor-": floors} {
		b.ReportMetric(mean(all, temporal).Seconds()*1000, "ms-processor-"+name+"temporal")
		b.ReportMetric(mean(all, worker).Seconds()*1000, "ms-processor-"+name+"worker")
	}
}
