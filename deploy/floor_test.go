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
)

const (
	// floorAddress is the variable that makes this test binary the worker of the floor: it has
	// Temporal's address.
	floorAddress   = "PERCH_FLOOR_TEMPORAL"
	floorNamespace = "PERCH_FLOOR_NAMESPACE"
	floorQueue     = "floor"
	floorSignal    = "begin"
)

// floorInput is how much a run of the floor does: as much as the run of Perch that it is compared
// with. One of its activities waits as long as the stack took, and heartbeats as often as Perch's
// waits do.
type floorInput struct {
	Activities, Timers, Attributes int
	Wait                           time.Duration
}

// floorBeats is how often the heartbeats of Perch's waits reach Temporal.
const floorBeats = 2 * time.Second

// floor is a workflow that orchestrates nothing: it costs what Temporal and its SDK cost.
func floor(ctx workflow.Context, in floorInput) error {
	workflow.GetSignalChannel(ctx, floorSignal).Receive(ctx, nil)
	phase := temporal.NewSearchAttributeKeyKeyword(perch.AttributePhase)
	ctx = workflow.WithActivityOptions(
		ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: 20 * time.Second},
	)
	for i := range max(in.Activities, in.Timers, in.Attributes) {
		if i < in.Attributes {
			if err := workflow.UpsertTypedSearchAttributes(ctx, phase.ValueSet(fmt.Sprint(i))); err != nil {
				return err
			}
		}
		if i < in.Timers {
			if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		if i < in.Activities {
			wait := time.Duration(0)
			if i == in.Activities/2 {
				wait = in.Wait
			}
			if err := workflow.ExecuteActivity(ctx, floorActivity, wait).Get(ctx, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// floorActivity waits, with heartbeats.
func floorActivity(ctx context.Context, wait time.Duration) error {
	over := time.NewTimer(wait)
	defer over.Stop()
	beats := time.NewTicker(floorBeats / 4)
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

// serveFloor is the worker of the floor; it ends with its process.
func serveFloor(address, namespace string) error {
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	c, err := client.Dial(client.Options{HostPort: address, Namespace: namespace, Logger: quiet})
	if err != nil {
		return err
	}
	w := worker.New(c, floorQueue, worker.Options{
		MaxHeartbeatThrottleInterval: floorBeats, DefaultHeartbeatThrottleInterval: floorBeats,
	})
	w.RegisterWorkflow(floor)
	w.RegisterActivity(floorActivity)
	return w.Run(nil)
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
		case enums.EVENT_TYPE_TIMER_STARTED:
			in.Timers++
		case enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			in.Attributes++
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

// reportFloor reports what Perch cost as a multiple of the floor: the median of all turns of one
// over that of the other.
func reportFloor(b *testing.B, perchs, floors []spent) {
	b.Helper()
	ratio := func(name string, of func(spent) time.Duration) {
		if below := median(floors, of); below > 0 {
			b.ReportMetric(float64(median(perchs, of))/float64(below), "x-floor-"+name)
		}
	}
	temporal := func(s spent) time.Duration { return s.temporal }
	worker := func(s spent) time.Duration { return s.worker }
	ratio("temporal", temporal)
	ratio("processor", func(s spent) time.Duration { return s.temporal + s.worker })
	ratio("beyond-stack", func(s spent) time.Duration { return s.median })
	for name, all := range map[string][]spent{"": perchs, "floor-": floors} {
		b.ReportMetric(median(all, temporal).Seconds()*1000, "ms-processor-"+name+"temporal")
		b.ReportMetric(median(all, worker).Seconds()*1000, "ms-processor-"+name+"worker")
	}
}
