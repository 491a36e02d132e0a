package cli

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/client"
	"perch/readapi"
)

// keepDocument is the output of `extend`, `pin` and `unpin` with -o json. Expires is RFC 3339 in
// UTC; empty if the environment does not expire. Pin is null if it is not pinned.
type keepDocument struct {
	Branch  string     `json:"branch"`
	Slug    string     `json:"slug"`
	Stack   string     `json:"stack"`
	Expires string     `json:"expires"`
	Pin     *perch.Pin `json:"pin"`
	Error   string     `json:"error"`
}

// keeping has the flags of `extend` and `pin`.
type keeping struct {
	by, until, reason string
}

const untilHelp = "a day (2026-12-24: until its end in UTC) or a time with its zone (2026-12-24T18:00Z)"

func (a *app) extendCommand() *cobra.Command {
	var k keeping
	command := &cobra.Command{
		Use:   "extend [BRANCH]",
		Short: "Let a branch's environment live longer before it expires",
		Long: `Let a branch's environment live longer before it expires.

Without --by and --until it lives longer by ` + "`expiry.extend`" + ` of perch.yaml, 72h by default.
The policy bounds an extension (` + "`expiry.extend`" + `), and no extension goes beyond ` + "`expiry.max`" + `.
Without BRANCH, it takes the branch that ` + "`perch status`" + ` shows.`,
		Example: `  perch extend                               by expiry.extend
  perch extend feature/login --by 72h        three days longer
  perch extend --until 2026-12-24            until the end of that day, UTC`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.keep(cmd.Context(), args, func(now time.Time) (perch.Note, error) {
				return k.extension(cmd.Flags().Changed, now)
			})
		},
	}
	command.Flags().StringVar(&k.by, "by", "", "how much longer, in whole hours such as 72h, from when it would expire")
	command.Flags().StringVar(&k.until, "until", "", "until when: "+untilHelp)
	return command
}

func (a *app) pinCommand() *cobra.Command {
	var k keeping
	command := &cobra.Command{
		Use:   "pin [BRANCH] --reason TEXT",
		Short: "Keep a branch's environment from expiry and cleanup",
		Long: `Keep a branch's environment from expiry and cleanup until the pin ends.
` + "`perch down`" + ` still removes it.

Without --until the pin lasts as long as the policy allows (` + "`expiry.pin`" + `, 720h by default).
To make a pin longer, pin again. To make it shorter, end it with ` + "`perch unpin`" + ` first.
Without BRANCH, it takes the branch that ` + "`perch status`" + ` shows.`,
		Example: `  perch pin --reason "demo on Friday"
  perch pin feature/login --reason "customer test" --until 2026-12-24`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.keep(cmd.Context(), args, func(now time.Time) (perch.Note, error) {
				return k.pin(cmd.Flags().Changed, now)
			})
		},
	}
	command.Flags().StringVar(&k.reason, "reason", "", "why the environment is kept, for others who see it")
	command.Flags().StringVar(&k.until, "until", "", "until when: "+untilHelp)
	return command
}

func (a *app) unpinCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unpin [BRANCH]",
		Short: "End the pin of a branch's environment",
		Long: `End the pin of a branch's environment. The end of a pin counts as use: ` + "`expiry.idle`" + ` begins then.

Without BRANCH, it takes the branch that ` + "`perch status`" + ` shows.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.keep(cmd.Context(), args, func(time.Time) (perch.Note, error) {
				return perch.Note{Kind: perch.NoteUnpin}, nil
			})
		},
	}
}

// keep sends the note that the flags describe, and prints until when the environment is kept.
func (a *app) keep(ctx context.Context, args []string, describe func(now time.Time) (perch.Note, error)) error {
	e, result, err := a.askKeep(ctx, args, describe)
	if a.json() {
		document := keepDocument{
			Branch: e.Branch, Slug: e.Slug, Stack: stackOf(e), Expires: readapi.Timestamp(result.Expires),
			Pin: result.Pin,
		}
		if err != nil {
			document.Error = err.Error()
		}
		if printed := a.printJSON(document); printed != nil {
			return printed
		}
	}
	if err == nil && !a.json() {
		a.say("%s", keptSentence(e.Branch, result))
	}
	return err
}

func (a *app) askKeep(
	ctx context.Context, args []string, describe func(now time.Time) (perch.Note, error),
) (environment perch.Environment, result perch.KeepResult, err error) {
	now := time.Now().UTC()
	note, err := describe(now)
	if err != nil {
		return environment, result, err
	}
	t, err := a.branchTarget(args)
	if err != nil {
		return environment, result, err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return t.environment, result, err
	}
	defer c.Close()
	note.ID, note.By, note.At = uuid.NewString(), cmp.Or(t.job.By, a.person()), now
	note.Project, note.Branch = t.environment.Project, t.environment.Branch
	result, err = c.Keep(ctx, perch.KeepInput{Environment: t.environment, Note: note}, c.remarks)
	return t.environment, result, keepError(err)
}

// keepError adds the exit code to an error of Keep: 4 if the worker rejected the note.
func keepError(err error) error {
	var (
		failed  *client.FailedError
		failure *temporal.ApplicationError
	)
	if errors.As(err, &failed) && errors.As(err, &failure) && failure.Type() == perch.ErrorInvalid {
		return rejectedError("%s is rejected: %s", failed.Summary, client.Cause(failed.Err))
	}
	return ended(err)
}
