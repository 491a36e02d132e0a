package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"perch"
	"perch/dial"
)

// policyLooks is how many intervals there are between two checks of the other workers: a minute by
// default.
const policyLooks = 12

// identified gives the worker an identity that names its policy.
func identified(cfg Config) Config {
	if cfg.Temporal.Identity == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		cfg.Temporal.Identity = fmt.Sprintf("%d@%s", os.Getpid(), host)
	}
	cfg.Temporal.Identity = cfg.Policy.WorkerIdentity(cfg.Temporal.Identity)
	return cfg
}

// watchPolicies warns of workers on the same task queues that have another policy, once for each
// set of them, until ctx ends. Chance then decides which policy applies: the worker that polls
// first takes the request.
func watchPolicies(ctx context.Context, cfg Config, temporal client.Client) {
	ticker := time.NewTicker(policyLooks * cfg.Interval)
	defer ticker.Stop()
	warned := ""
	for {
		policies, err := policiesOf(ctx, cfg, temporal)
		var sentence string
		if len(policies) > 1 {
			sentence = perch.PolicySentence(policies)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			cfg.Logger.Debug("the policies of the other workers are not known", slog.Any("error", err))
		case sentence != "" && sentence != warned:
			cfg.Logger.Warn("workers of this project have different policies, and any of them may decide; "+
				"start all with the same policy file",
				"project", cfg.Policy.Project, "this policy", cfg.Policy.Fingerprint(), "workers", sentence)
		}
		if err == nil {
			warned = sentence
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// policiesOf are the identities of the project's workers by their policy, this one included.
func policiesOf(ctx context.Context, cfg Config, temporal client.Client) (map[string][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	identities := []string{cfg.Temporal.Identity}
	var problems error
	for queue, kind := range map[string]enums.TaskQueueType{
		perch.TaskQueue(cfg.Policy.Project): enums.TASK_QUEUE_TYPE_WORKFLOW,
		perch.WaitQueue(cfg.Policy.Project): enums.TASK_QUEUE_TYPE_ACTIVITY,
	} {
		found, err := dial.Pollers(ctx, temporal, queue, kind)
		problems = errors.Join(problems, err)
		identities = append(identities, found...)
	}
	return perch.Policies(identities), problems
}
