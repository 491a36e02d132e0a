package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"perch"
)

// crowds are how many environments are requested at once. A policy allows 95, since one load
// balancer has 100 rules.
var crowds = []int{1, 10, 95}

// Intervals in which the worker reads what it waits for: those of the sandbox's worker, and the
// default.
const (
	sandboxInterval = "300ms"
	defaultInterval = "5s"
)

// BenchmarkCrowd asks one worker for many environments at once. What is reported of each is the
// time from the request to the run's end without the time that its stack took, how much of that was
// Temporal's, that is the time in which no activity of the run was at work, and what it cost each
// process in processor time. Each is reported as a multiple of the floor, too: a bare workflow with
// as many activities, timers and search attributes on the same server.
func BenchmarkCrowd(b *testing.B) {
	for _, clock := range []float64{usual, fast} {
		b.Run(fmt.Sprintf("embedded/clock-%vx", clock), func(b *testing.B) {
			measureEmbedded(b, clock, sandboxInterval)
		})
		b.Run(fmt.Sprintf("postgresql/clock-%vx", clock), func(b *testing.B) {
			services := newCluster(b, clock)
			services.up(b, "temporal-namespace")
			c := &crowded{
				world: services.world, programs: services.programs, server: services.running["temporal"][0],
				interval: sandboxInterval,
			}
			c.measure(b, "127.0.0.1:"+
				services.ports["temporal:7233"], services.services["worker"].Environment["TEMPORAL_NAMESPACE"])
		})
	}
	b.Run("embedded/default-interval", func(b *testing.B) { measureEmbedded(b, usual, defaultInterval) })
}

// measureEmbedded measures each crowd with the sandbox's Temporal.
func measureEmbedded(b *testing.B, clock float64, interval string) {
	b.Helper()
	c := &crowded{world: newWorld(b, clock), programs: b.TempDir(), interval: interval}
	ports := freePorts(b, 5)
	build(
		b,
		c.programs,
		map[string]string{
			"perch-sandbox": "perch/sandbox", "perch": "perch/starter", "perch-worker": "perch/worker",
		},
	)
	sandbox := exec.Command(
		c.programs+"/perch-sandbox",
		"--worker=false",
		"--up=false",
		"--temporal-port",
		ports[0],
		"--ui-port",
		ports[1],
		"--aws-port",
		ports[2],
		"--web-port",
		ports[3],
		"--registry-port",
		ports[4],
	)
	sandbox.Env = environment(b, c.programs, nil)
	c.server = start(b, b.TempDir(), "sandbox", sandbox)
	c.measure(b, "127.0.0.1:"+ports[0], client.DefaultNamespace)
}

// crowded is one worker of a Temporal server.
type crowded struct {
	*world
	programs       string
	interval       string
	server, worker *process
	floor          *process
	temporal       client.Client
	// work is what a creation does, as far as the floor does it, too.
	work floorInput
}

// measure starts the worker and measures each crowd.
func (c *crowded) measure(b *testing.B, address, namespace string) {
	b.Helper()
	c.writePolicy(b, func(p *perch.Policy) { p.MaxEnvironments = slices.Max(crowds) })
	variables := map[string]string{
		"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace, "AWS_ENDPOINT_URL": c.awsURL,
		"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox",
		"PERCH_PROJECT": project, "PERCH_POLICY": c.policy, "XDG_CACHE_HOME": b.TempDir(),
	}
	eventually(b, "Temporal answers", func() (_ any, holds bool) {
		var err error
		c.temporal, err = client.Dial(client.Options{
			HostPort: address, Namespace: namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		})
		return err, err == nil
	}, c.server)
	b.Cleanup(c.temporal.Close)
	run := func(name string, args ...string) *process {
		p := exec.Command(c.programs+"/"+name, args...)
		p.Dir, p.Env = b.TempDir(), environment(b, c.programs, variables)
		return start(b, b.TempDir(), name, p)
	}
	c.worker = run("perch-worker", "--interval", c.interval)
	if p := run("perch", "application", "up", "--kind", "staging"); p.exit(b, c.worker) != 0 {
		b.Fatal(p.said(b))
	}
	// The first run in a new namespace may wait until all of Temporal knows its search attributes:
	// that is not what is measured.
	first := c.all(b, map[string]string{"first": c.branch(b, "first")}, perch.GoalUp)
	c.work = c.measureOf(b, first[0].run)
	c.all(b, map[string]string{"first": ""}, perch.GoalGone)
	c.startFloor(b, address, namespace)
	c.floorOf(b, 1, floorInput{Activities: 1, Upserts: 1})
	for _, size := range crowds {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			for range b.N {
				c.round(b, size)
			}
		})
	}
}

// turns is how often Perch and the floor are measured for a crowd, one after the other: what either
// costs varies by a third from one time to the next. Before them is a turn that is not measured,
// because the first of a size costs more.
const turns = 9

// round provisions a crowd several times, by turns with the floor, and reports what it cost. It
// removes each crowd before the next. Every second turn begins with Perch, because both become
// cheaper with time.
func (c *crowded) round(b *testing.B, size int) {
	b.Helper()
	var samples []sample
	var perchs, floors []spent
	var endpoint []time.Duration
	listed, work := 0, c.work
	for turn := range turns + 1 {
		commits := map[string]string{}
		for i := range size {
			branch := fmt.Sprintf("crowd-%d-%d-%d", size, turn, i)
			commits[branch] = c.branch(b, branch)
		}
		if turn%2 == 0 {
			floors = append(floors, c.floorOf(b, size, work))
		}
		calls, before, aws := c.listings(), c.used(b, c.worker), processorTime(b, os.Getpid())
		ended := c.all(b, commits, perch.GoalUp)
		took := c.used(b, c.worker).since(before, size)
		endpoint = append(endpoint, (processorTime(b, os.Getpid())-aws)/time.Duration(size))
		listed += c.listings() - calls
		var own []sample
		for _, e := range ended {
			own = append(own, c.cost(b, e))
		}
		took.median = median(own, func(s sample) time.Duration { return s.beyond })
		samples, perchs = append(samples, own...), append(perchs, took)
		work = c.measureOf(b, ended[0].run)
		c.all(b, commits, perch.GoalGone)
		if turn%2 == 1 {
			floors = append(floors, c.floorOf(b, size, work))
		}
		b.Logf("turn %d: Perch %v, floor %v", turn, took, floors[turn])
		if turn == 0 {
			samples, endpoint, listed = nil, nil, 0
		}
	}
	b.ReportMetric(float64(listed)/float64(size*turns), "DescribeStacks")
	itself := func(d time.Duration) time.Duration { return d }
	b.ReportMetric(median(endpoint, itself).Seconds()*1000, "ms-processor-aws")
	report(b, samples, c.worker)
	reportFloor(b, perchs[1:], floors[1:])
}

// median is the middle of what all of them took.
func median[T any](all []T, took func(T) time.Duration) time.Duration {
	sorted := make([]time.Duration, len(all))
	for i, one := range all {
		sorted[i] = took(one)
	}
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// sample is what one provision cost.
type sample struct {
	// beyond is the time from the request to the end without the stack's own; temporal is the part
	// of it in which no activity was at work, and activities are the times of the others.
	beyond, temporal time.Duration
	activities       map[string]time.Duration
}

// provision is one request and the run that it led to.
type provision struct {
	branch string
	asked  time.Time
	run    client.WorkflowRun
	err    error
}

// listings are the calls of DescribeStacks so far, of which AWS answers five a second.
func (c *crowded) listings() (count int) {
	for _, call := range c.aws.Calls() {
		if call.Action == "DescribeStacks" {
			count++
		}
	}
	return count
}

// all requests all branches at the same time and waits for all.
func (c *crowded) all(b *testing.B, commits map[string]string, goal perch.Goal) (ended []provision) {
	b.Helper()
	all := make(chan provision, len(commits))
	for branch, commit := range commits {
		go func() { all <- c.one(b.Context(), branch, commit, goal) }()
	}
	for range commits {
		e := <-all
		if e.err != nil {
			b.Fatal(e.err)
		}
		ended = append(ended, e)
	}
	return ended
}

// one asks as the starter does, and waits.
func (c *crowded) one(ctx context.Context, branch, commit string, goal perch.Goal) provision {
	p := provision{branch: branch, asked: time.Now()}
	environment, err := perch.NewEnvironment(project, branch)
	if err != nil {
		p.err = err
		return p
	}
	request := perch.Request{ID: uuid.NewString(), Goal: goal, Project: project, Branch: branch, Commit: commit}
	workflow, want := perch.WorkflowProvision, perch.OutcomeReady
	if goal == perch.GoalGone {
		workflow, want, request.Commit = perch.WorkflowTeardown, perch.OutcomeGone, ""
	}
	p.run, p.err = c.temporal.SignalWithStartWorkflow(
		ctx, environment.StackName(), perch.SignalRequest, request,
		client.StartWorkflowOptions{
			ID: environment.StackName(), TaskQueue: perch.TaskQueue(project),
			WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		},
		workflow, perch.RunInput{Environment: environment},
	)
	if p.err != nil {
		return p
	}
	var result perch.Result
	if p.err = p.run.Get(ctx, &result); p.err == nil && result.Outcome != want {
		p.err = fmt.Errorf("%s ended %s: %s", branch, result.Outcome, result.Reason)
	}
	return p
}

// cost reads what the run cost from its history and from its stack's events.
func (c *crowded) cost(b *testing.B, p provision) sample {
	b.Helper()
	s := sample{activities: map[string]time.Duration{}}
	names, begun := map[int64]string{}, map[int64]time.Time{}
	var end time.Time
	events := c.temporal.GetWorkflowHistory(
		b.Context(), p.run.GetID(), p.run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
	)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			b.Fatal(err)
		}
		end = event.GetEventTime().AsTime()
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			names[event.GetEventId()] = scheduled.GetActivityType().GetName()
		}
		if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
			begun[started.GetScheduledEventId()] = end
		}
		if completed := event.GetActivityTaskCompletedEventAttributes(); completed != nil {
			id := completed.GetScheduledEventId()
			s.activities[names[id]] += end.Sub(begun[id])
		}
	}
	stack := c.stackTime(b, p.run.GetID())
	s.beyond, s.temporal = end.Sub(p.asked)-stack, end.Sub(p.asked)
	for _, took := range s.activities {
		s.temporal -= took
	}
	s.activities["AwaitStack"] -= stack
	return s
}

// stackTime is how long the stack's creation took by its own events.
func (w *world) stackTime(b *testing.B, stack string) time.Duration {
	b.Helper()
	var from, to time.Time
	pages := cloudformation.NewDescribeStackEventsPaginator(
		cloudformation.NewFromConfig(w.config()), &cloudformation.DescribeStackEventsInput{StackName: &stack},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, event := range page.StackEvents {
			switch {
			case *event.PhysicalResourceId != *event.StackId:
			case event.ResourceStatus == types.ResourceStatusCreateInProgress:
				from = *event.Timestamp
			case event.ResourceStatus == types.ResourceStatusCreateComplete:
				to = *event.Timestamp
			}
		}
	}
	return to.Sub(from)
}

func report(b *testing.B, samples []sample, worker *process) {
	b.Helper()
	show := func(name string, of func(sample) time.Duration) {
		var all []time.Duration
		for _, s := range samples {
			all = append(all, of(s))
		}
		slices.Sort(all)
		for _, percent := range []int{50, 99} {
			b.ReportMetric(all[(len(all)*percent+99)/100-1].Seconds(), fmt.Sprintf("s-p%d-%s", percent, name))
		}
	}
	show("beyond-stack", func(s sample) time.Duration { return s.beyond })
	show("temporal", func(s sample) time.Duration { return s.temporal })
	for activity := range samples[0].activities {
		show(activity, func(s sample) time.Duration { return s.activities[activity] })
	}
	match := regexp.MustCompile(
		`VmHWM:\s+(\d+) kB`,
	).FindStringSubmatch(read(b, fmt.Sprintf("/proc/%d/status", worker.Process.Pid)))
	if match != nil {
		kilobytes, _ := strconv.Atoi(match[1])
		b.ReportMetric(float64(kilobytes)/1024, "MB-worker")
	}
	b.ReportMetric(float64(runtime.NumCPU()), "cores")
}

// processorTime is the processor time that a process has used so far, in user and system mode.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	text := read(t, fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	// A clock tick is a hundredth of a second on every Linux that Go runs on.
	return time.Duration(user+system) * 10 * time.Millisecond
}
