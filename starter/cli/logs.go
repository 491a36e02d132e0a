package cli

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"perch"
	"perch/readapi"
)

func (a *app) logsCommand() *cobra.Command {
	var (
		since time.Duration
		lines int
	)
	command := &cobra.Command{
		Use:   "logs [BRANCH]",
		Short: "Show the last log lines of a branch's environment",
		Long: `Show the last log lines of a branch's environment, the oldest first.

They come from a worker's read API (` + readAddressVariable + ` and ` + readTokenVariable + `), because logs must not go through Temporal.
The worker reads the log groups in CloudWatch Logs to which the environment streams its logs. If there are none, it asks an instance by Systems Manager.
What looks like a secret is masked. The exit code is 1 if there are no lines.`,
		Example: `  perch logs                            the current branch, the last 15 minutes
  perch logs feature/login --since 1h   another one, the last hour
  perch logs -n 20                      at most 20 lines`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.logs(cmd.Context(), args, since, lines) },
	}
	command.Flags().DurationVar(&since, "since", 15*time.Minute, "how far to look back")
	command.Flags().IntVarP(&lines, "lines", "n", 100, "how many lines at most")
	return command
}

func (a *app) logs(ctx context.Context, args []string, since time.Duration, lines int) error {
	switch {
	case since <= 0:
		return usageError("--since %s is not a time to look back; give a duration such as 15m", since)
	case lines < 1 || lines > readapi.MostLogLines:
		return usageError("--lines %d is not possible; give a number from 1 to %d", lines, readapi.MostLogLines)
	}
	t, err := a.branchTarget(args)
	if err != nil {
		return err
	}
	readers, err := a.readers(t.environment.Project)
	if err != nil {
		return err
	}
	if readers == nil {
		return usageError(
			"logs are read from a worker's read API, because they must not go through Temporal: set %s to the address "+
				"of its --read, such as http://127.0.0.1:9091, and %s to its token",
			readAddressVariable, readTokenVariable,
		)
	}
	document, err := readers.Logs(ctx, t.environment.Branch, since, lines)
	if err != nil {
		return readFailure(err)
	}
	if a.json() {
		err = a.printJSON(document)
	} else {
		a.tellLogs(document)
	}
	if err == nil && len(document.Lines) == 0 {
		return silently(exitFailed)
	}
	return err
}

// tellLogs prints the lines to stdout, and notes about them to stderr.
func (a *app) tellLogs(document readapi.Logs) {
	for _, line := range document.Lines {
		a.say("%s", logLineText(line))
	}
	for _, remark := range logRemarks(document.LogLines) {
		a.note("%s", remark)
	}
}

// logLineText formats a line with its time, its instance and its file.
func logLineText(line perch.LogLine) string {
	where := line.Stream
	if line.File != "" {
		where += " " + line.File[strings.LastIndexByte(line.File, '/')+1:]
	}
	return fmt.Sprintf("%s %s: %s", readapi.Timestamp(line.At), visible(where), visible(line.Text))
}

// logRemarks are sentences about lines that are missing, and about secrets that were masked.
func logRemarks(log perch.LogLines) (remarks []string) {
	if log.Problem != "" {
		remarks = append(remarks, visible(log.Problem)+".")
	}
	switch {
	case log.Masked == 1:
		remarks = append(remarks, "1 secret is masked.")
	case log.Masked > 1:
		remarks = append(remarks, fmt.Sprintf("%d secrets are masked.", log.Masked))
	}
	return remarks
}

// visible returns text without terminal control characters.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "?"))
}
