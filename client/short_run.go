package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/dial"
)

// ReadTimeout is the time limit for a run that only reads.
const ReadTimeout = 30 * time.Second

// workerEvery is the pause between two checks for a worker.
const workerEvery = 250 * time.Millisecond

// NoAnswerError means that no worker is running, or that the wait for a short run ended before the
// run did. The run may continue.
type NoAnswerError struct{ Reason string }

// interrupted is the reason given if the caller's context ended.
const interrupted = "the wait was interrupted"

// Error implements error.
func (e *NoAnswerError) Error() string { return e.Reason }

// shortRun is a run that answers a question or changes something other than an environment.
type shortRun struct {
	workflow string
	id       string
	project  string
	summary  string
	input    any
	timeout  time.Duration
	// view shows the progress of the run.
	view View
	// reading means that the run only reads, so a late answer has no use.
	reading bool
}

// question returns a short run that only reads. Its workflow ID is unique, so it does not wait for
// other runs.
func question(workflow, name, project string, input any) shortRun {
	return shortRun{
		workflow: workflow, id: project + ":" + name + ":" + uuid.NewString(), project: project, summary: name,
		input:   input,
		timeout: ReadTimeout, reading: true,
	}
}

// List reads the project's environments from a worker.
func (c *Client) List(ctx context.Context, project string, view View) (result perch.ListResult, err error) {
	r := question(perch.WorkflowList, "list", project, perch.ListInput{Project: project})
	r.view, r.summary = view, "ls"
	err = c.answer(ctx, r, &result)
	return result, err
}

// Status reads one environment from a worker.
func (c *Client) Status(ctx context.Context, e perch.Environment, view View) (result perch.StatusResult, err error) {
	r := question(perch.WorkflowStatus, "status", e.Project, perch.StatusInput{Environment: e})
	r.view, r.summary = view, "status "+e.Branch
	err = c.answer(ctx, r, &result)
	return result, err
}

// History reads from a worker the records of removed environments. If branch is not empty, it reads
// only those of that branch.
func (c *Client) History(
	ctx context.Context, in perch.HistoryInput, view View,
) (result perch.HistoryResult, err error) {
	r := question(perch.WorkflowHistory, "history", in.Project, in)
	r.view, r.summary = view, strings.TrimSpace("history "+in.Branch)
	err = c.answer(ctx, r, &result)
	return result, err
}

// Plan asks a worker what an `up` would do.
func (c *Client) Plan(ctx context.Context, request perch.Request, view View) (result perch.PlanResult, err error) {
	r := question(perch.WorkflowPlan, "plan", request.Project, perch.PlanInput{Request: request})
	r.view, r.summary = view, fmt.Sprintf("plan %s at %s", request.Branch, perch.ShortCommit(request.Commit))
	err = c.answer(ctx, r, &result)
	return result, err
}

// Examine asks a worker to check its configuration and permissions.
func (c *Client) Examine(
	ctx context.Context, project string, timeout time.Duration, view View,
) (result perch.DoctorResult, err error) {
	r := question(perch.WorkflowDoctor, "doctor", project, perch.DoctorInput{Project: project})
	r.view, r.timeout = view, timeout
	err = c.answer(ctx, r, &result)
	return result, err
}

// Application creates or updates the project's application stack, or only reports on it. A run that
// changes the stack uses the stack's name as its workflow ID, so that only one runs at a time. A
// run that only reports does not wait for others.
func (c *Client) Application(
	ctx context.Context, in perch.ApplicationInput, timeout time.Duration, view View,
) (result perch.ApplicationResult, err error) {
	r := question(perch.WorkflowApplication, "application", in.Project, in)
	r.view, r.timeout, r.summary = view, timeout, "application status"
	stack := perch.ApplicationStackName(in.Project, in.Kind)
	if in.Apply {
		r.id, r.summary, r.reading = stack, "application up", false
	}
	if err := c.answer(ctx, r, &result); err != nil {
		return result, err
	}
	if result.Stack == "" {
		result.Stack = stack
	}
	if result.Outputs == nil {
		result.Outputs = map[string]string{}
	}
	return result, nil
}

// Cleanup compares branches with environments and requests removals. If the run fails after its
// work is done, Cleanup returns the result and no error.
func (c *Client) Cleanup(
	ctx context.Context, in perch.CleanupInput, timeout time.Duration, view View,
) (result perch.CleanupResult, err error) {
	r := question(perch.WorkflowCleanup, "cleanup", in.Project, in)
	r.view, r.timeout, r.reading = view, timeout, false
	if in.DryRun {
		r.id = question(perch.WorkflowCleanup, dryRun, in.Project, in).id
	}
	err = c.answer(ctx, r, &result)
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) && failure.Type() == perch.ErrorCleanupFailed && failure.Details(&result) == nil {
		return result, nil
	}
	return result, err
}

// Expire judges the expiry of every environment. Unless it is a dry run, it also sends warnings and
// requests removals.
func (c *Client) Expire(
	ctx context.Context, in perch.ExpiryInput, timeout time.Duration, view View,
) (result perch.ExpiryResult, err error) {
	r := question(perch.WorkflowExpiry, "expiry", in.Project, in)
	r.view, r.timeout, r.reading = view, timeout, in.DryRun
	err = c.answer(ctx, r, &result)
	return result, err
}

// Keep pins, unpins or extends an environment, and waits until the card is updated. If the note is
// rejected, the run fails with the rejection.
func (c *Client) Keep(ctx context.Context, in perch.KeepInput, view View) (result perch.KeepResult, err error) {
	r := question(perch.WorkflowKeep, string(in.Note.Kind), in.Environment.Project, in)
	r.view, r.summary = view, string(in.Note.Kind)+" "+in.Environment.Branch
	err = c.answer(ctx, r, &result)
	return result, err
}

// FailedError is the failure of a short run. It wraps Temporal's error.
type FailedError struct {
	Summary string
	Err     error
}

// Error implements error.
func (e *FailedError) Error() string { return e.Summary + ": " + Cause(dial.Plain(e.Err)) }

// Unwrap returns Temporal's error.
func (e *FailedError) Unwrap() error { return e.Err }

// answer executes a short run and waits for its result. It returns a NoAnswerError or a
// FailedError.
func (c *Client) answer(ctx context.Context, r shortRun, result any) error {
	waitCtx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	options := sdk.StartWorkflowOptions{
		ID: r.id, TaskQueue: perch.TaskQueue(r.project), StaticSummary: r.summary,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}
	if r.reading {
		options.WorkflowRunTimeout = max(2*ReadTimeout, r.timeout)
	}
	if r.reading && !awaitWorker(waitCtx, untakenAfter, func() (bool, error) {
		return c.Polled(waitCtx, options.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	}) {
		if ctx.Err() != nil {
			return &NoAnswerError{interrupted}
		}
		return &NoAnswerError{c.noWorker(r)}
	}
	execution, err := c.temporal.ExecuteWorkflow(waitCtx, options, r.workflow, r.input)
	if err == nil {
		stop := c.show(waitCtx, r, execution.GetRunID())
		err = execution.Get(waitCtx, result)
		stop()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &NoAnswerError{interrupted}
	case waitCtx.Err() != nil || timedOut(err):
		return &NoAnswerError{c.silence(ctx, r)}
	}
	return &FailedError{r.summary, err}
}

// show displays the progress of the run until stop is called.
func (c *Client) show(ctx context.Context, r shortRun, runID string) (stop func()) {
	if r.view == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	f := follower{runs: c, view: r.view, queue: perch.TaskQueue(r.project), reading: r.reading}
	go func() {
		defer close(watched)
		f.watch(ctx, Run{WorkflowID: r.id, RunID: runID})
	}()
	return func() {
		cancel()
		<-watched
		r.view.Done()
	}
}

// awaitWorker waits for at most patience until a worker polls, because Temporal may not know a
// worker that has just started. It returns false if none polls, and true if Temporal cannot tell.
func awaitWorker(ctx context.Context, patience time.Duration, polled func() (bool, error)) bool {
	for began := time.Now(); ; {
		found, err := polled()
		switch {
		case found || err != nil:
			return true
		case time.Since(began) >= patience || pause(ctx, workerEvery) != nil:
			return false
		}
	}
}

// noWorker returns the message that no worker will answer r.
func (c *Client) noWorker(r shortRun) string {
	return fmt.Sprintf(
		"%s: no worker is polling task queue %q in namespace %q; check the name of the project, start one for "+
			"project %s, or read in its log why it stopped",
		r.summary, perch.TaskQueue(r.project), c.namespace, r.project,
	)
}

// silence returns a message that explains why a run has not answered.
func (c *Client) silence(ctx context.Context, r shortRun) string {
	if polled, err := c.Polled(
		ctx, perch.TaskQueue(r.project), enumspb.TASK_QUEUE_TYPE_WORKFLOW,
	); err == nil && !polled {
		return c.noWorker(r)
	}
	if c.unknown(ctx, r) {
		return fmt.Sprintf(
			"%s: the worker does not know workflow %s: it is older than this program; update it", r.summary, r.workflow,
		)
	}
	look, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	far, _ := c.Look(look, Run{WorkflowID: r.id}) // Without an answer there is nothing to add.
	return fmt.Sprintf("%s: no answer within %s%s; see whether a worker still runs, and workflow %s in Temporal's UI",
		r.summary, r.timeout, far.RetrySentences(), r.id)
}

// unknown reports whether a worker does not have the run's workflow type. Temporal then keeps
// retrying the run, so it would never end.
func (c *Client) unknown(ctx context.Context, r shortRun) bool {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	events := c.temporal.GetWorkflowHistory(ctx, r.id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return false
		}
		message := event.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage()
		if strings.Contains(message, "unable to find workflow type") {
			return true
		}
	}
	return false
}

// Polled reports whether a worker polls queue. Temporal still lists a worker for some minutes after
// it has stopped.
func (c *Client) Polled(ctx context.Context, queue string, kind enumspb.TaskQueueType) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	description, err := c.temporal.DescribeTaskQueue(ctx, queue, kind)
	if err != nil {
		return false, fmt.Errorf("describe task queue %s: %w", queue, dial.Plain(err))
	}
	return len(description.GetPollers()) > 0, nil
}

func timedOut(err error) bool {
	var deadline *serviceerror.DeadlineExceeded
	return errors.As(err, &deadline) || errors.Is(err, context.DeadlineExceeded)
}
