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

// policyLooks is the number of intervals between two checks of the other workers, by default a
// minute in total.
const policyLooks = 12

// identified returns cfg with a worker identity that includes the policy's fingerprint.
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

// watchPolicies logs a warning if workers on the same task queues have different policies, until
// ctx ends. It warns once for each combination. With different policies, the one that applies is
// random: the worker that polls first takes the request.
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

// policiesOf returns the identities of the project's workers, including this one, grouped by
// policy.
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
