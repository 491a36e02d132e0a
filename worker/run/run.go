package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"perch"
	"perch/activities"
	"perch/activities/awserr"
	perchclient "perch/client"
	"perch/dial"
	"perch/workflows"
)

const (
	// stopTimeout lets running activities end or notice that they are to stop.
	stopTimeout = 20 * time.Second
	// freshBeats bounds the age of the heartbeat that a client reads, and the delay of a
	// cancellation.
	freshBeats = 2 * time.Second
	// waitSlots is how many waits one worker holds at a time.
	waitSlots = 1000
)

// Config is what a worker needs.
type Config struct {
	// Policy bounds what the worker does.
	Policy *perch.Policy
	// AWS is the configuration of every AWS client.
	AWS aws.Config
	// Temporal says how to connect.
	Temporal client.Options
	// Interval is how often a waiting activity checks.
	Interval time.Duration
	// Listen is the address that answers health checks and metrics, 127.0.0.1:9090; empty for none.
	Listen string
	// Read configures the read API; the zero value means none.
	Read ReadConfig
	// Deployment is Worker Versioning; the zero value is none.
	Deployment worker.DeploymentOptions
	// Env reads the environment variables that hold GitHub's credentials, PERCH_SLACK_WEBHOOK, and
	// PERCH_TEMPORAL_UI, the address that reports link runs at; nil means that none is set.
	Env func(name string) string
	// Now is the time that expiry and pins go by; nil is time.Now.
	Now func() time.Time
	// Logger is the worker's log.
	Logger *slog.Logger
}

// Run connects, checks that the account is the policy's, makes sure of the search attributes and
// works until ctx is over. A worker that is stopped while it starts has no error to report.
func Run(ctx context.Context, cfg Config) error {
	if err := run(ctx, cfg); ctx.Err() == nil {
		return err
	}
	return nil
}

func run(ctx context.Context, cfg Config) error {
	operations := newOperations(cfg.Policy.Project)
	deafen, err := operations.listen(cfg.Listen, cfg.Logger)
	if err != nil {
		return err
	}
	defer deafen()
	readers, err := listenForReaders(cfg.Read)
	if err != nil {
		return err
	}
	if readers != nil {
		defer func() { _ = readers.Close() }() // If no reader was answered yet.
	}
	changes := &atomic.Int64{}
	cfg = identified(operations.attach(cfg))
	cfg.Temporal.Interceptors = append(cfg.Temporal.Interceptors, &changeWatch{changes: changes})
	if err := checkAccount(ctx, cfg); err != nil {
		return err
	}
	branches, err := openSource(cfg.Policy.Source, cfg.Env)
	if err != nil {
		return err
	}
	temporal, err := client.DialContext(ctx, cfg.Temporal)
	if err != nil {
		return dial.Failure(address(cfg.Temporal), err)
	}
	defer temporal.Close()
	if err := ensureSearchAttributes(ctx, temporal, namespace(cfg.Temporal)); err != nil {
		return err
	}
	defer operations.watch(ctx, cfg, branches)()
	defer inBackground(ctx, func(ctx context.Context) { watchPolicies(ctx, cfg, temporal) })()
	ui := ""
	if cfg.Env != nil {
		ui = cfg.Env("PERCH_TEMPORAL_UI")
	}
	now := time.Now
	if cfg.Now != nil {
		now = cfg.Now
	}
	channel := openChannel(cfg.Policy, branches, cfg.Env, namespace(cfg.Temporal), now)
	set := activities.New(cfg.AWS, cfg.Policy, branches, cfg.Interval, channel, now)
	if all, several := channel.(*channels); several && all.slack != nil {
		all.slack.UpdateCard = set.UpdateCard
	}
	answers := &reads{
		policy: cfg.Policy, stacks: set.Stacks(), runs: perchclient.New(temporal), runsURL: runsURL(cfg, ui),
		logs: set.Logs(), logNow: now,
	}
	answers.roles, _ = branches.(roleReader)
	answers.withCaches(time.Now, changes)
	defer serveReaders(readers, answers.handler(cfg.Read.Token), cfg.Logger)()
	return serve(ctx, cfg, temporal, set, func() { operations.started(temporal) })
}

// runsURL is the address of Temporal's list of the project's runs, where its web UI is ui; empty if
// that is not known.
func runsURL(cfg Config, ui string) string {
	if ui == "" {
		return ""
	}
	return perch.RunsURL(strings.TrimRight(ui, "/"), namespace(cfg.Temporal), cfg.Policy.Project)
}

// inBackground runs work until ctx is over or stop is called, which waits for its end.
func inBackground(ctx context.Context, work func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		work(ctx)
	}()
	return func() { cancel(); <-ended }
}

// serve polls both task queues, so that waiting activities do not delay quick ones. It calls
// started once it does.
func serve(ctx context.Context, cfg Config, temporal client.Client, set *activities.Set, started func()) error {
	fatal := make(chan error, 2)
	failed := func(err error) {
		select {
		case fatal <- err:
		default: // One reason to stop is enough.
		}
	}
	quick := worker.New(temporal, perch.TaskQueue(cfg.Policy.Project), worker.Options{
		WorkerStopTimeout: stopTimeout, OnFatalError: failed, DeploymentOptions: cfg.Deployment,
		Interceptors: []interceptor.WorkerInterceptor{&beats{}},
	})
	waits := worker.New(temporal, perch.WaitQueue(cfg.Policy.Project), worker.Options{
		WorkerStopTimeout: stopTimeout, OnFatalError: failed, DeploymentOptions: cfg.Deployment,
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: waitSlots, MaxHeartbeatThrottleInterval: freshBeats,
		DefaultHeartbeatThrottleInterval: freshBeats,
	})
	for _, workflow := range []any{
		workflows.Provision, workflows.Teardown, workflows.List, workflows.Status, workflows.Plan,
		workflows.Application, workflows.Cleanup, workflows.Doctor, workflows.Note, workflows.Look, workflows.Expiry,
		workflows.Keep, workflows.History,
	} {
		quick.RegisterWorkflow(workflow)
	}
	set.Register(quick, waits)
	if err := quick.Start(); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	if err := waits.Start(); err != nil {
		quick.Stop()
		return fmt.Errorf("start worker: %w", err)
	}
	defer stop(quick, waits)
	started()
	cfg.Logger.Info(
		"worker is ready", "project", cfg.Policy.Project, "account", cfg.Policy.Account, "region", cfg.Policy.Region,
	)
	select {
	case <-ctx.Done():
		return nil
	case err := <-fatal:
		return fmt.Errorf("worker stopped: %w", err)
	}
}

// stop stops workers concurrently, so that together they take no longer than stopTimeout: a worker
// that stops this process does not wait for long.
func stop(workers ...interface{ Stop() }) {
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(w.Stop)
	}
	group.Wait()
}

// checkAccount rejects credentials of another account, before any call that changes anything.
func checkAccount(ctx context.Context, cfg Config) error {
	if _, err := cfg.AWS.Credentials.Retrieve(ctx); err != nil {
		return noCredentials(err)
	}
	identity, err := sts.NewFromConfig(cfg.AWS).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	var unsent *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &unsent):
		return fmt.Errorf(
			"no AWS endpoint answers: %w; look at the network and the proxy, and at AWS_ENDPOINT_URL where it is set",
			awserr.Said(err),
		)
	case err != nil:
		return fmt.Errorf("ask AWS who this worker is: %w; check the AWS credentials", awserr.Said(err))
	}
	if account := aws.ToString(identity.Account); account != cfg.Policy.Account {
		return fmt.Errorf("the AWS credentials are for account %s and the policy is for %s: nothing was done; use "+
			"the right profile or correct `account` in the policy", account, cfg.Policy.Account)
	}
	return nil
}

// noCredentials says why there are no AWS credentials, and how to give some. The SDK tries the
// machine's role last: if it has reached that, no other place has any.
func noCredentials(err error) error {
	const set = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run the worker where it has a role"
	var operation *smithy.OperationError
	if errors.As(err, &operation) && operation.Service() == imds.ServiceID {
		return errors.New("this worker has no AWS credentials: " + set)
	}
	return fmt.Errorf("get this worker's AWS credentials: %w; fix that, or %s", awserr.Said(err), set)
}

func address(options client.Options) string {
	if options.HostPort == "" {
		return client.DefaultHostPort
	}
	return options.HostPort
}

func namespace(options client.Options) string {
	if options.Namespace == "" {
		return client.DefaultNamespace
	}
	return options.Namespace
}
