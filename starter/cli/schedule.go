package cli

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"perch/dial"
)

func scheduleID(project string) string { return project + ":cleanup" }

func (a *app) scheduleCommand() *cobra.Command {
	var every time.Duration
	missing := false
	ensure := &cobra.Command{
		Use:   "ensure",
		Short: "Make the schedule, or change it to what is requested",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < time.Second {
				return usageError("--every %s is too short; give a duration such as 1h", every)
			}
			return a.onSchedule(
				cmd.Context(), func(ctx context.Context, s schedule) error { return s.ensure(ctx, every, missing) },
			)
		},
	}
	ensure.Flags().DurationVar(&every, "every", time.Hour, "how often cleanup runs")
	ensure.Flags().BoolVar(
		&missing, "missing", false, "also request an environment for each branch that should have one and has none",
	)
	note := ""
	pause := a.scheduleChild(
		"pause", "Stop scheduled cleanup until it is resumed",
		func(ctx context.Context, s schedule) error {
			return s.handle.Pause(ctx, client.SchedulePauseOptions{Note: cmp.Or(note, "paused by "+a.person())})
		},
	)
	pause.Flags().StringVar(&note, "note", "", "why, for people who find it paused")
	return group("schedule", "Run cleanup regularly", ensure,
		a.scheduleChild("show", "Show when cleanup runs, and how often it was skipped", nil),
		pause,
		a.scheduleChild("resume", "Go on with scheduled cleanup", func(ctx context.Context, s schedule) error {
			return s.handle.Unpause(ctx, client.ScheduleUnpauseOptions{Note: "resumed by " + a.person()})
		}),
		a.scheduleChild("trigger", "Run cleanup once, now, unless it is "+
			"running", func(ctx context.Context, s schedule) error {
			return s.handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP})
		}),
		a.deleteScheduleCommand())
}

// scheduleChild returns a command that calls act, if it is not nil, and then shows the schedule.
func (a *app) scheduleChild(use, short string, act func(context.Context, schedule) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.onSchedule(cmd.Context(), act) },
	}
}

func (a *app) deleteScheduleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete", Short: "Take the schedule away; environments stay", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.deleteSchedule(cmd.Context()) },
	}
}

// schedule is the project's cleanup schedule, whether or not it exists.
type schedule struct {
	project string
	client  client.ScheduleClient
	handle  client.ScheduleHandle
}

// withSchedule calls act with the project's schedule.
func (a *app) withSchedule(ctx context.Context, act func(schedule) error) error {
	project, err := a.anyProject(a.place())
	if err != nil {
		return err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	schedules := c.Temporal().ScheduleClient()
	return act(schedule{project: project, client: schedules, handle: schedules.GetHandle(ctx, scheduleID(project))})
}

// onSchedule calls act, if it is not nil, and then shows the schedule.
func (a *app) onSchedule(ctx context.Context, act func(context.Context, schedule) error) error {
	return a.withSchedule(ctx, func(s schedule) error {
		if act != nil {
			if err := act(ctx, s); err != nil {
				return s.failure(err)
			}
		}
		description, err := s.handle.Describe(ctx)
		if err != nil {
			return s.failure(err)
		}
		return a.tellSchedule(newScheduleDocument(scheduleID(s.project), description))
	})
}

func (a *app) deleteSchedule(ctx context.Context) error {
	return a.withSchedule(ctx, func(s schedule) error {
		var none *serviceerror.NotFound
		err := s.handle.Delete(ctx)
		if err != nil && !errors.As(err, &none) {
			return s.failure(err)
		}
		if a.json() {
			return a.printJSON(struct {
				ID      string `json:"id"`
				Deleted bool   `json:"deleted"`
			}{scheduleID(s.project), err == nil})
		}
		if err != nil {
			a.say("There was no schedule %s.", scheduleID(s.project))
			return nil
		}
		a.say("Schedule %s is deleted; nothing is cleaned up automatically any more.", scheduleID(s.project))
		return nil
	})
}

func (s schedule) failure(err error) error {
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return failedError("project %s has no schedule; `perch schedule ensure` makes it", s.project)
	}
	return failedError("schedule %s: %w", scheduleID(s.project), dial.Plain(err))
}
