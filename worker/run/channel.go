package run

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"perch"
	"perch/activities"
	"perch/activities/reporting"
	perchclient "perch/client"
	"perch/dial"
	"perch/report/github"
	"perch/report/slack"
)

// openChannel opens the channels for reports; nil if none is configured. env reads the worker's
// environment variables. If PERCH_TEMPORAL_UI is set, reports link to runs in Temporal's web UI.
// now returns the time by which expiry is judged.
func openChannel(
	policy *perch.Policy, from activities.Source, env func(string) string, namespace string, now func() time.Time,
) reporting.Channel {
	if env == nil {
		env = func(string) string { return "" }
	}
	var runURL func(environment perch.Environment, runID string) string
	if ui := strings.TrimRight(env("PERCH_TEMPORAL_UI"), "/"); ui != "" {
		runURL = func(environment perch.Environment, runID string) string {
			return perch.RunURL(ui, namespace, environment.StackName(), runID)
		}
	}
	all := &channels{}
	if access, isGitHub := from.(github.Access); isGitHub {
		all.github = github.New(access, policy, now)
		all.github.RunURL = runURL
	}
	if policy.Reports.Slack {
		all.slack = slack.New(env(slack.Variable), now)
		all.slack.RunURL = runURL
	}
	if all.github == nil && all.slack == nil {
		return nil
	}
	return all
}

// redeliver returns a function that sends an environment a note to deliver its report again: only
// its runs write its card.
func redeliver(runs *perchclient.Client, now func() time.Time) func(context.Context, perch.Environment) error {
	return func(ctx context.Context, e perch.Environment) error {
		return runs.SendNote(ctx, perch.Note{
			ID: uuid.NewString(), Kind: perch.NoteReport, Project: e.Project, Branch: e.Branch, By: "slack",
			At: now().UTC(),
		})
	}
}

// queueDescriber describes task queues, as a Temporal client does.
type queueDescriber interface {
	DescribeTaskQueue(context.Context, string, enums.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error)
}

// watchShare calls share with the number of workers among which GitHub's limits are divided, at
// once and then regularly, until ctx ends. While Temporal does not answer it does not call share,
// so the last known number counts.
func watchShare(ctx context.Context, cfg Config, temporal queueDescriber, share func(workers int)) {
	ticker := time.NewTicker(policyLooks * cfg.Interval)
	defer ticker.Stop()
	for {
		workers, err := countWorkers(ctx, cfg, temporal)
		if err != nil {
			cfg.Logger.Debug("the number of workers is not known", slog.Any("error", err))
		} else {
			share(workers)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// countWorkers counts the workers that report, including this one.
func countWorkers(ctx context.Context, cfg Config, temporal queueDescriber) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	found, err := dial.Pollers(
		ctx, temporal, perch.TaskQueue(cfg.Policy.Project), enums.TASK_QUEUE_TYPE_ACTIVITY,
	)
	identities := append(found, cfg.Temporal.Identity)
	slices.Sort(identities)
	return len(slices.Compact(identities)), err
}

// channels are the channels of a worker. A channel that is not configured is nil.
type channels struct {
	github *github.Channel
	slack  *slack.Channel
}

// Deliver reports the card's state through all channels concurrently.
func (c *channels) Deliver(ctx context.Context, card *perch.Card, again bool) {
	seen := *card
	var telling sync.WaitGroup
	if c.slack != nil {
		telling.Go(func() { c.slack.Deliver(ctx, &seen) })
	}
	if c.github != nil {
		c.github.Deliver(ctx, card, again)
	} else {
		card.GitHub.Undelivered, card.GitHub.CommentUndelivered, card.GitHub.Intended = false, false, nil
		card.Ended = nil // They are for commits on GitHub.
	}
	telling.Wait()
	card.Slack = seen.Slack
}

// TellHeld reports that a cleanup plan is held.
func (c *channels) TellHeld(ctx context.Context, project string, brake perch.CleanupBrake) {
	if c.slack != nil {
		c.slack.TellHeld(ctx, project, brake)
	}
}

// Check describes what the channels report, or returns an error if one of them does not work.
func (c *channels) Check(ctx context.Context) (string, error) {
	var (
		told     []string
		problems []error
	)
	check := func(one func(context.Context) (string, error)) {
		sentence, err := one(ctx)
		if err != nil {
			problems = append(problems, err)
			return
		}
		told = append(told, sentence)
	}
	if c.github != nil {
		check(c.github.Check)
	}
	if c.slack != nil {
		check(c.slack.Check)
	}
	return strings.Join(told, "; "), errors.Join(problems...)
}
