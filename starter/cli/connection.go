package cli

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
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"

	"perch"
	"perch/dial"
)

// dialTimeout is how long Temporal may take to answer at all.
const dialTimeout = 5 * time.Second

// connection is the way to Temporal.
type connection struct {
	client    client.Client
	payloads  converter.DataConverter
	address   string
	namespace string
	// ui is the address of Temporal's web UI (PERCH_TEMPORAL_UI); empty where it is not known.
	ui string
	// remarks is the view of runs that have none of their own.
	remarks viewer
}

// connect dials what contrib/envconfig says: environment variables over the profile of the configuration file over 127.0.0.1:7233.
func (a *app) connect(ctx context.Context) (*connection, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: lookup(a.env)})
	if err != nil {
		return nil, usageError("read Temporal's connection settings: %w", err)
	}
	options.HostPort = firstOf(options.HostPort, client.DefaultHostPort)
	options.Namespace = firstOf(options.Namespace, client.DefaultNamespace)
	options.Logger = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, &exitError{code: exitFailed, err: dial.Failure(options.HostPort, err)}
	}
	payloads := options.DataConverter
	if payloads == nil {
		payloads = converter.GetDefaultDataConverter()
	}
	return &connection{
		client: c, payloads: payloads, address: options.HostPort, namespace: options.Namespace,
		ui: strings.TrimRight(a.env("PERCH_TEMPORAL_UI"), "/"), remarks: &remarks{lines{out: a.stderr}},
	}, nil
}

func (c *connection) close() { c.client.Close() }

// link is the address of r in Temporal's web UI, empty where the UI's is not known or there is no run.
func (c *connection) link(r run) string {
	if c.ui == "" || r.RunID == "" {
		return ""
	}
	return fmt.Sprintf("%s/namespaces/%s/workflows/%s/%s", c.ui, c.namespace, r.WorkflowID, r.RunID)
}

// request hands request to the environment's open run, or starts the run that it needs. It returns the run that holds the
// request. While Temporal does not answer it asks again, for at most patience.
func (c *connection) request(
	ctx context.Context, environment perch.Environment, request perch.Request, patience time.Duration,
) (run, error) {
	workflowType, summary := perch.WorkflowProvision, fmt.Sprintf("up %s at %s", request.Branch, short(request.Commit))
	if request.Goal == perch.GoalGone {
		workflowType, summary = perch.WorkflowTeardown, "down "+request.Branch
	}
	if request.Recreate {
		patience = 0 // Temporal may have taken a request that it did not answer, and two would recreate twice.
	}
	id := environment.StackName()
	var execution client.WorkflowRun
	err := askUntilAnswered(ctx, patience, func() (err error) {
		execution, err = c.client.SignalWithStartWorkflow(ctx, id, perch.SignalRequest, request, client.StartWorkflowOptions{
			ID:                       id,
			TaskQueue:                perch.TaskQueue(environment.Project),
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary:            summary,
		}, workflowType, perch.RunInput{Project: environment.Project, Branch: environment.Branch})
		return err
	})
	if err != nil {
		return run{}, fmt.Errorf("ask workflow %s for %s: %w", id, request.Goal, dial.Plain(err))
	}
	return run{WorkflowID: id, RunID: execution.GetRunID()}, nil
}

// askUntilAnswered calls ask again while Temporal does not answer, until patience is over. The SDK gives one call ten
// seconds, which a busy server may need.
func askUntilAnswered(ctx context.Context, patience time.Duration, ask func() error) error {
	for began := time.Now(); ; {
		err := ask()
		if !isUnanswered(err) || time.Since(began) >= patience || pause(ctx, reconnectAfter) != nil {
			return err
		}
	}
}

// isUnanswered reports whether Temporal was too busy or too far away to answer.
func isUnanswered(err error) bool {
	var (
		late *serviceerror.DeadlineExceeded
		busy *serviceerror.ResourceExhausted
		away *serviceerror.Unavailable
	)
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) || errors.As(err, &busy) || errors.As(err, &away)
}

// closing waits for r's last event. An error is one of the connection, never of the run.
func (c *connection) closing(ctx context.Context, r run) (*historypb.HistoryEvent, error) {
	events := c.client.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
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
func (c *connection) decode(payloads *commonpb.Payloads, into any) error {
	return c.payloads.FromPayloads(payloads, into)
}

// lookup reads Temporal's variables through the injected environment.
type lookup func(string) string

func (l lookup) LookupEnv(name string) (string, bool) {
	value := l(name)
	return value, value != ""
}

// Environ lists the variables that envconfig finds by prefix. Only their names come from the process.
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
