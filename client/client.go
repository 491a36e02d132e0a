// Package client sends requests to a Perch worker and waits for the results.
//
// It only talks to Temporal: it needs no AWS credentials, no access to the repository and no
// checkout. Client.Request sends a perch.Request to the environment's run. Client.Follow waits for
// the answer, even if the request passes through several runs. Queries (List, Status, Plan,
// Examine) and commands without a request (Application, Cleanup) are separate short runs.
//
// An error means that the connection failed, or that no worker answered (NoAnswerError). If a run
// fails, Follow returns no error; the lifecycle.Answer has a Failure.
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

// dialTimeout is the time limit for Temporal's first response.
const dialTimeout = 5 * time.Second

// Client is a connection to the Temporal namespace that a project's workers use. It is safe for
// concurrent use.
type Client struct {
	temporal  sdk.Client
	payloads  converter.DataConverter
	address   string
	namespace string
}

// Run identifies a workflow execution.
type Run struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// SettingsError means that Temporal's connection settings could not be read.
type SettingsError struct{ Err error }

// Error implements error.
func (e *SettingsError) Error() string {
	return fmt.Sprintf("read Temporal's connection settings: %v", e.Err)
}

// Unwrap returns the underlying error.
func (e *SettingsError) Unwrap() error { return e.Err }

// Dial connects to the Temporal server that contrib/envconfig finds: in environment variables, then
// in the profile of the configuration file, then at 127.0.0.1:7233. It reads environment variables
// through env.
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

// New returns a Client that uses an open connection, such as that of an activity. The caller need
// not close the Client.
func New(temporal sdk.Client) *Client {
	return &Client{temporal: temporal, payloads: converter.GetDefaultDataConverter()}
}

// Close closes the connection.
func (c *Client) Close() { c.temporal.Close() }

// Temporal returns the underlying connection, for calls that Client does not wrap: schedules, task
// queues, namespaces.
func (c *Client) Temporal() sdk.Client { return c.temporal }

// Address returns the host and port of Temporal's frontend.
func (c *Client) Address() string { return c.address }

// Namespace returns the Temporal namespace.
func (c *Client) Namespace() string { return c.namespace }

// Request sends request to the environment's open run, or starts a run. It returns the run that
// holds the request. It is harmless to send the same request ID again, because the run answers
// both. If Temporal does not respond, Request retries for at most patience.
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
		patience = 0 // Temporal may have stored an unanswered request; another would recreate twice.
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

// SendNote sends the note to the environment's open run. If none is open, it starts a short run.
// Temporal stores the note even if no worker is running.
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

// askUntilAnswered repeats ask until Temporal responds, for at most patience. Without it, one call
// would end after the SDK's ten seconds, which is too short for a busy server.
func askUntilAnswered(ctx context.Context, patience time.Duration, ask func() error) error {
	for began := time.Now(); ; {
		err := ask()
		if !isUnanswered(err) || time.Since(began) >= patience || pause(ctx, reconnectAfter) != nil {
			return err
		}
	}
}

// isUnanswered reports whether the error means that Temporal was too busy or unreachable.
func isUnanswered(err error) bool {
	var (
		late *serviceerror.DeadlineExceeded
		busy *serviceerror.ResourceExhausted
		away *serviceerror.Unavailable
	)
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) || errors.As(err, &busy) ||
		errors.As(err, &away)
}

// summary returns the text that Temporal's UI shows for a run started by request.
func summary(request perch.Request) string {
	switch {
	case request.Judged != nil:
		return "cleanup of " + request.Branch
	case request.Goal == perch.GoalGone:
		return "down " + request.Branch
	}
	return fmt.Sprintf("%s %s at %s", request.Goal, request.Branch, perch.ShortCommit(request.Commit))
}

// LastFailure returns why the workflow's latest run failed, if that run was a removal; empty
// otherwise. It ignores runs that only receive notes.
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

// lastRun returns the workflow's latest run, ignoring runs that only receive notes; nil if there is
// none. If the latest run only received notes, lastRun finds the previous one in Temporal's index,
// which may lag by seconds.
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

// lastEvent waits for r's last event. An error means that the connection failed, never that the run
// did.
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

// decode unmarshals the single value of payloads.
func (c *Client) decode(payloads *commonpb.Payloads, into any) error {
	return c.payloads.FromPayloads(payloads, into)
}

// lookup reads Temporal's environment variables through the injected function.
type lookup func(string) string

// LookupEnv implements envconfig.EnvLookup.
func (l lookup) LookupEnv(name string) (string, bool) {
	value := l(name)
	return value, value != ""
}

// Environ lists the variables that envconfig finds by prefix. It takes only their names from the
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
