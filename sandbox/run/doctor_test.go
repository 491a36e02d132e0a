package run

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"

	"perch"
)

func TestDoctorNamesEachBrokenLink(t *testing.T) {
	t.Parallel()
	old := &oldWorker{}
	t.Cleanup(old.stop)
	script(t, "doctor", map[string]func(*testscript.TestScript, bool, []string){
		"cmpdoctor": compareChecks, "awaitworker": awaitWorker, "namespace": makeNamespace, "oldworker": old.command,
	}, "--up=false")
}

// varying are the values that are different in every sandbox.
var varying = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`answers at \S+`), "answers at ADDRESS"},
	{regexp.MustCompile(`local/\S+ is readable`), "REPOSITORY is readable"},
	{regexp.MustCompile(`tagged with local/\S+`), "tagged with REPOSITORY"},
	{regexp.MustCompile(`is at [0-9a-f]{7}\b`), "is at COMMIT"},
	{regexp.MustCompile(`arn:aws:acm:[^)\s]+`), "CERTIFICATE"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
}

// compareChecks FILE compares stdout with the file, except for values that are different in every
// sandbox.
func compareChecks(ts *testscript.TestScript, _ bool, args []string) {
	got := ts.ReadFile("stdout")
	for _, v := range varying {
		got = v.pattern.ReplaceAllString(got, v.instead)
	}
	if diff := cmp.Diff(ts.ReadFile(args[0]), got); diff != "" {
		ts.Fatalf("-want +got:\n%s", diff)
	}
}

// namespace NAME creates a Temporal namespace.
func makeNamespace(ts *testscript.TestScript, _ bool, args []string) {
	c := dial(ts, "default")
	defer c.Close()
	_, err := c.WorkflowService().RegisterNamespace(context.Background(), &workflowservice.RegisterNamespaceRequest{
		Namespace: args[0], WorkflowExecutionRetentionPeriod: durationpb.New(24 * 3600e9),
	})
	if exists := (*serviceerror.NamespaceAlreadyExists)(nil); err != nil && !errors.As(err, &exists) {
		ts.Fatalf("%v", err)
	}
}

func dial(ts *testscript.TestScript, namespace string) client.Client {
	c, err := client.Dial(client.Options{
		HostPort: ts.Getenv("TEMPORAL_ADDRESS"), Namespace: namespace,
		Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	ts.Check(err)
	return c
}

// oldWorker is a worker of a version that does not know any workflow.
type oldWorker struct {
	mu    sync.Mutex
	close []func()
}

// command implements `oldworker PROJECT`, which starts one for the project, and `oldworker`, which
// stops it.
func (o *oldWorker) command(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		o.stop()
		return
	}
	c := dial(ts, "default")
	closing := []func(){c.Close}
	for _, queue := range []string{perch.TaskQueue(args[0]), perch.WaitQueue(args[0])} {
		w := worker.New(c, queue, worker.Options{})
		w.RegisterWorkflowWithOptions(
			func(workflow.Context) error { return nil }, workflow.RegisterOptions{Name: "Ancient"},
		)
		w.RegisterActivityWithOptions(func() error { return nil }, activity.RegisterOptions{Name: "Ancient"})
		ts.Check(w.Start())
		closing = append(closing, w.Stop)
		awaitPoller(ts, c, queue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.close = closing
}

// awaitPoller waits until Temporal lists a worker that polls the queue for tasks of a kind.
func awaitPoller(ts *testscript.TestScript, c client.Client, queue string, kind enums.TaskQueueType) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		out, err := c.DescribeTaskQueue(ctx, queue, kind)
		ts.Check(err)
		if len(out.Pollers) > 0 {
			return
		}
		<-ticker.C
	}
}

// awaitWorker implements `awaitworker PROJECT`, which waits until a worker polls both of the
// project's queues.
func awaitWorker(ts *testscript.TestScript, _ bool, args []string) {
	c := dial(ts, "default")
	defer c.Close()
	for _, queue := range []string{perch.TaskQueue(args[0]), perch.WaitQueue(args[0])} {
		awaitPoller(ts, c, queue, enums.TASK_QUEUE_TYPE_ACTIVITY)
	}
}

func (o *oldWorker) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := len(o.close) - 1; i >= 0; i-- {
		o.close[i]()
	}
	o.close = nil
}
