// Package client requests environments from a Perch worker and follows the requests to their end.
//
// It talks to Temporal alone: it needs no AWS credentials, no access to the repository and no
// checkout. A Client hands a perch.Request to the environment's run with Request, and Follow waits
// for the answer over all runs that the request passes through. The questions (List, Status, Plan,
// Examine) and the commands without a request (Application, Cleanup) are separate short runs.
//
// An error concerns the connection, or says that no worker answered (NoAnswerError). Follow returns
// no error for a run that failed: the lifecycle.Answer has a Failure.
package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/dial"
)

// dialTimeout is how long Temporal may take to answer at all.
const dialTimeout = 5 * time.Second

// Client is a connection to the Temporal namespace that a project's workers use. It is safe for
// concurrent use.
type Client struct {
	temporal  sdk.Client
	payloads  converter.DataConverter
	address   string
	namespace string
}

// Run names a workflow execution.
type Run struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// SettingsError says that Temporal's connection settings cannot be read.
type SettingsError struct{ Err error }

// Error implements error.
func (e *SettingsError) Error() string {
	return fmt.Sprintf("read Temporal's connection settings: %v", e.Err)
}

// Unwrap returns the error of reading them.
func (e *SettingsError) Unwrap() error { return e.Err }

// Dial connects to the Temporal that contrib/envconfig names: in environment variables, else in the
// profile of the configuration file, else 127.0.0.1:7233. It reads variables through env.
func Dial(ctx context.Context, env func(string) string) (*Client, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: lookup(env)})
	if err != nil {
		return nil, &SettingsError{err}
	}
	if options.HostPort == "" {
		options.HostPort = sdk.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = sdk.DefaultNamespace
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := sdk.DialContext(ctx, options)
	if err != nil {
		return nil, dial.Failure(options.HostPort, err)
	}
	payloads := options.DataConverter
	if payloads == nil {
		payloads = converter.GetDefaultDataConverter()
	}
	return &Client{temporal: c, payloads: payloads, address: options.HostPort, namespace: options.Namespace}, nil
}

// New returns a Client on an open connection, such as that of an activity. The caller need not
// close it.
func New(temporal sdk.Client) *Client {
	return &Client{temporal: temporal, payloads: converter.GetDefaultDataConverter()}
}

// Close closes the connection.
func (c *Client) Close() { c.temporal.Close() }

// Temporal is the connection itself, for calls to which Perch adds nothing: schedules, task queues,
// namespaces.
func (c *Client) Temporal() sdk.Client { return c.temporal }

// Address is the host and port of Temporal's frontend.
func (c *Client) Address() string { return c.address }

// Namespace is the Temporal namespace.
func (c *Client) Namespace() string { return c.namespace }

// Request sends request to the environment's open run, or starts one. It returns the run that holds
// the request. To send the same request ID again is harmless: the run answers both. While Temporal
// does not answer, Request tries again, for at most patience.
func (c *Client) Request(ctx context.Context, request perch.Request, patience time.Duration) (Run, error) {
	environment, err := perch.NewEnvironment(request.Project, request.Branch)
	if err != nil {
		return Run{}, err
	}
	workflowType, known := perch.WorkflowOf(request.Goal)
	if !known {
		return Run{}, fmt.Errorf("no workflow knows the goal %q", request.Goal)
	}
	if request.Recreate {
		patience = 0 // Temporal may have taken a request that it did not answer, and two would recreate twice.
	}
	id := environment.StackName()
	input := perch.RunInput{Environment: environment}
	var execution sdk.WorkflowRun
	err = askUntilAnswered(ctx, patience, func() (err error) {
		execution, err = c.temporal.SignalWithStartWorkflow(
			ctx, id, perch.SignalRequest, request,
			sdk.StartWorkflowOptions{
				ID: id, TaskQueue: perch.TaskQueue(environment.Project), StaticSummary: summary(request),
				WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			},
			workflowType, input,
		)
		return err
	})
	if err != nil {
		return Run{}, fmt.Errorf("ask workflow %s for %s: %w", id, request.Goal, dial.Plain(err))
	}
	return Run{WorkflowID: id, RunID: execution.GetRunID()}, nil
}

// SendNote sends the note to the environment's open run; if none is open, a short run takes it.
// Temporal keeps it whether or not a worker is up.
func (c *Client) SendNote(ctx context.Context, note perch.Note) error {
	environment, err := perch.NewEnvironment(note.Project, note.Branch)
	if err != nil {
		return err
	}
	id := environment.StackName()
	_, err = c.temporal.SignalWithStartWorkflow(ctx, id, perch.SignalNote, note, sdk.StartWorkflowOptions{
		ID: id, TaskQueue: perch.TaskQueue(note.Project),
		StaticSummary:            fmt.Sprintf("note %s for %s", note.Kind, note.Branch),
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, perch.WorkflowNote, perch.RunInput{Environment: environment})
	if err != nil {
		return fmt.Errorf("send note %s to workflow %s: %w", note.Kind, id, dial.Plain(err))
	}
	return nil
}

// askUntilAnswered repeats ask until Temporal answers, for at most patience. The SDK stops one call
// after ten seconds, which a busy server may need.
func askUntilAnswered(ctx context.Context, patience time.Duration, ask func() error) error {
	for began := time.Now(); ; {
		err := ask()
		if !isUnanswered(err) || time.Since(began) >= patience || pause(ctx, reconnectAfter) != nil {
			return err
		}
	}
}

// isUnanswered reports whether Temporal was too busy or unreachable.
func isUnanswered(err error) bool {
	var (
		late *serviceerror.DeadlineExceeded
		busy *serviceerror.ResourceExhausted
		away *serviceerror.Unavailable
	)
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) || errors.As(err, &busy) ||
		errors.As(err, &away)
}

// summary is what Temporal's UI shows for the run that a request starts.
func summary(request perch.Request) string {
	switch {
	case request.Judged != nil:
		return "cleanup of " + request.Branch
	case request.Goal == perch.GoalGone:
		return "down " + request.Branch
	}
	return fmt.Sprintf("%s %s at %s", request.Goal, request.Branch, perch.ShortCommit(request.Commit))
}

// LastFailure is why the latest run of the workflow failed, if that was a removal; empty otherwise.
// Runs that take notes do not count.
func (c *Client) LastFailure(ctx context.Context, workflowID string) (string, error) {
	info, err := c.lastRun(ctx, workflowID)
	if err != nil {
		return "", fmt.Errorf("look at workflow %s: %w", workflowID, err)
	}
	if info.GetType().GetName() != perch.WorkflowTeardown ||
		info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_FAILED {
		return "", nil
	}
	event, err := c.lastEvent(ctx, Run{WorkflowID: workflowID, RunID: info.GetExecution().GetRunId()})
	if err != nil {
		return "", err
	}
	failure := event.GetWorkflowExecutionFailedEventAttributes().GetFailure()
	if failure == nil {
		return "", fmt.Errorf(
			"read history of workflow %s: its run failed, and its last event is %s", workflowID, event.GetEventType(),
		)
	}
	return Cause(temporal.GetDefaultFailureConverter().FailureToError(failure)), nil
}

// lastRun is the latest run of the workflow that does not only take notes; nil if there is none. If
// the latest one only took notes, it looks up the run before in Temporal's index, which may be
// seconds behind.
func (c *Client) lastRun(ctx context.Context, workflowID string) (*workflowpb.WorkflowExecutionInfo, error) {
	described, err := c.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return nil, nil
	}
	if info := described.GetWorkflowExecutionInfo(); err != nil || info.GetType().GetName() != perch.WorkflowNote {
		return info, err
	}
	found, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1, Query: fmt.Sprintf("WorkflowId = '%s' AND WorkflowType != '%s'", workflowID, perch.WorkflowNote),
	})
	if err != nil || len(found.GetExecutions()) == 0 {
		return nil, err
	}
	return found.GetExecutions()[0], nil
}

// lastEvent waits for r's last event. An error is one of the connection, never of the run.
func (c *Client) lastEvent(ctx context.Context, r Run) (*historypb.HistoryEvent, error) {
	events := c.temporal.GetWorkflowHistory(
		ctx, r.WorkflowID, r.RunID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
	)
	if !events.HasNext() {
		return nil, fmt.Errorf("read history of workflow %s: it has no last event", r.WorkflowID)
	}
	event, err := events.Next()
	if err != nil {
		return nil, fmt.Errorf("read history of workflow %s: %w", r.WorkflowID, err)
	}
	return event, nil
}

// decode reads the single value of payloads.
func (c *Client) decode(payloads *commonpb.Payloads, into any) error {
	return c.payloads.FromPayloads(payloads, into)
}

// lookup reads Temporal's variables through the injected environment.
type lookup func(string) string

// LookupEnv implements envconfig.EnvLookup.
func (l lookup) LookupEnv(name string) (string, bool) {
	value := l(name)
	return value, value != ""
}

// Environ lists the variables that envconfig finds by prefix. Only their names come from the
// process's environment.
func (l lookup) Environ() []string {
	var variables []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if value := l(name); strings.HasPrefix(name, "TEMPORAL_") && value != "" {
			variables = append(variables, name+"="+value)
		}
	}
	return variables
}
