package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"perch"
	"perch/config"
	workerrun "perch/worker/run"
)

const (
	// crowd is how many environments are asked for at once. Policy files allow 95, since one load balancer has 100 rules.
	crowd = 100
	// crowdPolicy names the policy file of a process of this test binary that is a worker for a crowd.
	crowdPolicy = "PERCH_CROWD_POLICY"
	// crowdInterval is how often that worker looks at what it waits for: as the sandbox's.
	crowdInterval = 300 * time.Millisecond
)

// BenchmarkCrowd asks one worker for a hundred environments at once. What is reported of each is the time from the request to the run's end without
// the time that its stack took, and how much of that was Temporal's: the time in which no activity of the run was at work.
func BenchmarkCrowd(b *testing.B) {
	exempt(b)
	b.Run("embedded", func(b *testing.B) {
		w := newWorld(b)
		programs, ports := b.TempDir(), freePorts(b, 4)
		build(b, programs, map[string]string{"sandbox": "perch/sandbox", "starter": "perch/starter"})
		sandbox := exec.Command(programs+"/sandbox", "--worker=false", "--up=false", "--temporal-port", ports[0], "--ui-port", ports[1], "--aws-port", ports[2], "--web-port", ports[3])
		sandbox.Env = environment(b, programs, nil)
		sandboxProcess := start(b, b.TempDir(), "sandbox", sandbox)
		crowded(b, w, sandboxProcess, programs, map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:" + ports[0], "TEMPORAL_NAMESPACE": client.DefaultNamespace})
	})
	b.Run("postgresql", func(b *testing.B) {
		c := newCluster(b)
		c.up(b, "temporal-namespace")
		crowded(b, c.world, c.running["temporal"][0], c.programs, map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:" + c.ports["temporal:7233"], "TEMPORAL_NAMESPACE": c.services["worker"].Environment["TEMPORAL_NAMESPACE"]})
	})
}

// crowded measures on the Temporal that variables name.
func crowded(b *testing.B, w *world, server *process, programs string, variables map[string]string) {
	b.Helper()
	variables["AWS_ENDPOINT_URL"], variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"] = w.awsURL, "sandbox", "sandbox"
	variables["PERCH_PROJECT"], variables[crowdPolicy], variables["XDG_CACHE_HOME"] = project, w.policy, b.TempDir()
	var temporal client.Client
	eventually(b, "Temporal answers", func() (_ any, holds bool) {
		var err error
		temporal, err = client.Dial(client.Options{HostPort: variables["TEMPORAL_ADDRESS"], Namespace: variables["TEMPORAL_NAMESPACE"], Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
		return err, err == nil
	})
	b.Cleanup(temporal.Close)
	self := exec.Command(os.Args[0])
	self.Env = environment(b, programs, variables)
	worker := start(b, b.TempDir(), "worker", self)
	application := exec.Command(programs+"/starter", "application", "up", "--kind", "staging")
	application.Dir, application.Env = b.TempDir(), environment(b, programs, variables)
	if p := start(b, b.TempDir(), "starter", application); p.exit(b, worker) != 0 {
		b.Fatal(p.said(b))
	}
	for round := range b.N {
		commits := map[string]string{}
		for i := range crowd {
			branch := fmt.Sprintf("round-%d-%d", round, i)
			commits[branch] = w.branch(b, branch)
		}
		used := map[string]time.Duration{"worker": -processorTime(b, worker.Process.Pid), "temporal": -processorTime(b, server.Process.Pid), "aws": -processorTime(b, os.Getpid())}
		b.ResetTimer()
		ended := provisionAll(b, temporal, commits)
		b.StopTimer()
		for name, p := range map[string]int{"worker": worker.Process.Pid, "temporal": server.Process.Pid, "aws": os.Getpid()} {
			b.ReportMetric((used[name]+processorTime(b, p)).Seconds()*1000/crowd, "ms-cpu-"+name)
		}
		var samples []sample
		for _, e := range ended {
			samples = append(samples, measure(b, temporal, w, e.run, e.asked))
		}
		report(b, samples, worker)
		for branch := range commits {
			removal(b, temporal, branch)
		}
	}
}

// sample is what one provision cost.
type sample struct {
	// beyond is the time from the request to the end without the stack's own; temporal is the part of it in which no activity was at work, and
	// activities are the times of the others.
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

// provisionAll asks for all branches at once and waits for all.
func provisionAll(b *testing.B, temporal client.Client, commits map[string]string) (ended []provision) {
	b.Helper()
	all := make(chan provision, len(commits))
	for branch, commit := range commits {
		go func() {
			e := provision{branch: branch, asked: time.Now()}
			e.run, e.err = request(b.Context(), temporal, branch, perch.Request{Goal: perch.GoalUp, Commit: commit})
			if e.err == nil {
				var result perch.Result
				if e.err = e.run.Get(b.Context(), &result); e.err == nil && result.Outcome != perch.OutcomeReady {
					e.err = fmt.Errorf("%s ended %s: %s", branch, result.Outcome, result.Reason)
				}
			}
			all <- e
		}()
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

// request asks as the starter does.
func request(ctx context.Context, temporal client.Client, branch string, r perch.Request) (client.WorkflowRun, error) {
	environment, err := perch.NewEnvironment(project, branch)
	if err != nil {
		return nil, err
	}
	r.ID, r.Project, r.Branch = uuid.NewString(), project, branch
	workflow := perch.WorkflowProvision
	if r.Goal == perch.GoalGone {
		workflow = perch.WorkflowTeardown
	}
	return temporal.SignalWithStartWorkflow(ctx, environment.StackName(), perch.SignalRequest, r, client.StartWorkflowOptions{
		ID: environment.StackName(), TaskQueue: perch.TaskQueue(project), WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflow, perch.RunInput{Project: project, Branch: branch})
}

func removal(b *testing.B, temporal client.Client, branch string) {
	b.Helper()
	run, err := request(b.Context(), temporal, branch, perch.Request{Goal: perch.GoalGone})
	if err == nil {
		err = run.Get(b.Context(), nil)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// measure reads what the run cost from its history and from its stack's events.
func measure(b *testing.B, temporal client.Client, w *world, run client.WorkflowRun, asked time.Time) sample {
	b.Helper()
	s := sample{activities: map[string]time.Duration{}}
	names, begun := map[int64]string{}, map[int64]time.Time{}
	var end time.Time
	events := temporal.GetWorkflowHistory(b.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
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
	stack := stackTime(b, w, run.GetID())
	s.beyond, s.temporal = end.Sub(asked)-stack, end.Sub(asked)
	for _, took := range s.activities {
		s.temporal -= took
	}
	s.activities["AwaitStack"] -= stack
	return s
}

// stackTime is how long the stack's creation took by its own events.
func stackTime(b *testing.B, w *world, stack string) time.Duration {
	b.Helper()
	var from, to time.Time
	pages := cloudformation.NewDescribeStackEventsPaginator(cloudformation.NewFromConfig(w.config()), &cloudformation.DescribeStackEventsInput{StackName: &stack})
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
	match := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindStringSubmatch(read(b, fmt.Sprintf("/proc/%d/status", worker.Process.Pid)))
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
	return time.Duration(user+system) * 10 * time.Millisecond // A clock tick is a hundredth of a second on every Linux that Go runs on.
}

// crowdWorker is the worker of a policy file with room for the crowd, until it is told to stop.
func crowdWorker(file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	policy, err := config.ReadPolicy(file, data)
	if err != nil {
		return err
	}
	policy.MaxEnvironments = 2 * crowd
	aws, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(policy.Region))
	if err != nil {
		return err
	}
	temporal, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	temporal.Logger = log.NewStructuredLogger(logger)
	return workerrun.Run(ctx, workerrun.Config{Policy: policy, AWS: aws, Temporal: temporal, Interval: crowdInterval, Logger: logger})
}
