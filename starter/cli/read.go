package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"perch"
	"perch/dial"
)

// readTimeout is how long a worker may take to read what is there.
const readTimeout = 30 * time.Second

// shortRun is a run that answers one question, or executes the application template.
type shortRun struct {
	workflow string
	id       string
	project  string
	summary  string
	input    any
	timeout  time.Duration
	// view shows how far the run is; nil where it is over before anybody could look, and only a missing worker is worth a remark.
	view viewer
}

// list asks a worker for the project's environments.
func (c *connection) list(ctx context.Context, project string) (perch.ListResult, error) {
	var result perch.ListResult
	err := c.answer(ctx, shortRun{
		workflow: perch.WorkflowList, id: project + ":list:" + uuid.NewString(), project: project, summary: "ls",
		input: perch.ListInput{Project: project}, timeout: readTimeout,
	}, &result)
	return result, err
}

// status asks a worker for one environment.
func (c *connection) status(ctx context.Context, e perch.Environment) (perch.StatusResult, error) {
	var result perch.StatusResult
	err := c.answer(ctx, shortRun{
		workflow: perch.WorkflowStatus, id: e.Project + ":status:" + uuid.NewString(), project: e.Project, summary: "status " + e.Branch,
		input: perch.StatusInput{Project: e.Project, Branch: e.Branch}, timeout: readTimeout,
	}, &result)
	return result, err
}

// answer executes a short run and waits for its result. Its errors end the program: 1 where the run failed, 3 where it takes too long.
func (c *connection) answer(ctx context.Context, r shortRun, result any) error {
	waitCtx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	options := client.StartWorkflowOptions{
		ID: r.id, TaskQueue: perch.TaskQueue(r.project), StaticSummary: r.summary,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}
	if r.view == nil {
		// Nobody waits for an answer that comes later than that.
		options.WorkflowRunTimeout = max(2*readTimeout, r.timeout)
	}
	execution, err := c.client.ExecuteWorkflow(waitCtx, options, r.workflow, r.input)
	if err == nil {
		stop := c.show(waitCtx, r, execution.GetRunID())
		err = execution.Get(waitCtx, result)
		stop()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &exitError{code: exitTimeout, err: errors.New("the wait was interrupted")}
	case waitCtx.Err() != nil || timedOut(err):
		return &exitError{code: exitTimeout, err: c.silence(ctx, r)}
	}
	return failedError("%s: %s", r.summary, cause(dial.Plain(err)))
}

// show shows how far the run is until stop is called.
func (c *connection) show(ctx context.Context, r shortRun, runID string) (stop func()) {
	if r.view == nil {
		r.view = c.remarks
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	f := follower{runs: c, view: r.view, queue: perch.TaskQueue(r.project)}
	go func() {
		defer close(watched)
		f.watch(ctx, run{WorkflowID: r.id, RunID: runID})
	}()
	return func() {
		cancel()
		<-watched
		r.view.done()
	}
}

// silence says why a run has not answered.
func (c *connection) silence(ctx context.Context, r shortRun) error {
	queue := perch.TaskQueue(r.project)
	if polled, err := c.polled(ctx, queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW); err == nil && !polled {
		return fmt.Errorf("%s: no worker is polling task queue %q in namespace %q; start one for project %s, or read in its log why it stopped", r.summary, queue, c.namespace, r.project)
	}
	if c.unknown(ctx, r) {
		return fmt.Errorf("%s: the worker does not know workflow %s: it is older than this starter; update it", r.summary, r.workflow)
	}
	look, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	far, _ := c.look(look, run{WorkflowID: r.id}) // Without an answer there is nothing to add.
	return fmt.Errorf("%s: no answer within %s%s; see whether a worker still runs, and workflow %s in Temporal's UI", r.summary, r.timeout, retrySentences(far), r.id)
}

// unknown reports whether a worker has said that it does not have the run's workflow. Temporal's SDKs let such a run wait for one that has.
func (c *connection) unknown(ctx context.Context, r shortRun) bool {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	events := c.client.GetWorkflowHistory(ctx, r.id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return false
		}
		if strings.Contains(event.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage(), "unable to find workflow type") {
			return true
		}
	}
	return false
}

// polled reports whether a worker polls queue. Temporal remembers a poller for some minutes after it has gone.
func (c *connection) polled(ctx context.Context, queue string, kind enumspb.TaskQueueType) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	description, err := c.client.DescribeTaskQueue(ctx, queue, kind)
	if err != nil {
		return false, fmt.Errorf("describe task queue %s: %w", queue, dial.Plain(err))
	}
	return len(description.GetPollers()) > 0, nil
}

func timedOut(err error) bool {
	var deadline *serviceerror.DeadlineExceeded
	return errors.As(err, &deadline) || errors.Is(err, context.DeadlineExceeded)
}
