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
	// stopTimeout is how long running activities may take to end when the worker stops.
	stopTimeout = 20 * time.Second
	// freshBeats is the shortest time between two heartbeats of a wait that reach Temporal, and so
	// the longest time until a client can read new progress.
	freshBeats = 2 * time.Second
	// waitSlots is the number of waiting activities that one worker runs at a time.
	waitSlots = 1000
)

// Config configures a worker.
type Config struct {
	// Policy limits what the worker does.
	Policy *perch.Policy
	// AWS is the configuration of every AWS client.
	AWS aws.Config
	// Temporal configures the connection to Temporal.
	Temporal client.Options
	// Interval is how often a waiting activity checks.
	Interval time.Duration
	// Listen is the address for health checks and metrics, such as 127.0.0.1:9090; empty disables
	// them.
	Listen string
	// Read configures the read API. The zero value disables it.
	Read ReadConfig
	// Deployment configures Worker Versioning. The zero value disables it.
	Deployment worker.DeploymentOptions
	// Env reads environment variables: GitHub's credentials, PERCH_SLACK_WEBHOOK, and
	// PERCH_TEMPORAL_UI, the base URL for links to runs in reports. A nil Env means that none is
	// set.
	Env func(name string) string
	// Now returns the time by which expiry and pins are judged; nil means time.Now.
	Now func() time.Time
	// Logger is the worker's logger.
	Logger *slog.Logger
}

// Run connects to Temporal, checks that the AWS account is the policy's, registers missing search
// attributes, and works until ctx ends. If ctx ends during the start, Run returns nil.
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
	// The SDK compresses by default. Most calls are a few hundred bytes long, so that saves little
	// and takes processor time from the worker and from Temporal.
	cfg.Temporal.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
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
	if all, several := channel.(*channels); several {
		if all.slack != nil {
			all.slack.Redeliver = redeliver(perchclient.New(temporal), now)
		}
		if all.github != nil {
			defer inBackground(ctx, func(ctx context.Context) { watchShare(ctx, cfg, temporal, all.github.Share) })()
		}
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

// runsURL returns the address of Temporal's list of the project's runs. ui is the base URL of
// Temporal's web UI. If ui is empty, so is the result.
func runsURL(cfg Config, ui string) string {
	if ui == "" {
		return ""
	}
	return perch.RunsURL(strings.TrimRight(ui, "/"), namespace(cfg.Temporal), cfg.Policy.Project)
}

// inBackground runs work until ctx ends or stop is called. stop waits for the end of work.
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
// started as soon as it polls.
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

// stop stops the workers concurrently, so that together they take no longer than stopTimeout.
func stop(workers ...interface{ Stop() }) {
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(w.Stop)
	}
	group.Wait()
}

// checkAccount rejects credentials of an account other than the policy's, before any call that
// changes something.
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

// noCredentials explains why there are no AWS credentials and how to provide them. The SDK tries
// the machine's role last, so if that failed, no other place has credentials.
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
