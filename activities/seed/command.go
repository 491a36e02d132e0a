package seed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"go.temporal.io/sdk/activity"

	"perch"
	"perch/activities/awserr"
	"perch/activities/pulse"
)

const (
	// agentPatience is how long the instance's agent may take to report to Systems Manager, and to
	// take the command.
	agentPatience = 5 * time.Minute
	// stalePatience is how long a command that was sent may not be found: Run Command is eventually
	// consistent (AWS docs: GetCommandInvocation).
	stalePatience = time.Minute
	// commandLooks is how often a later try lists the commands, one interval apart, before it takes
	// for granted that no earlier one has sent its own. With the worker's usual interval that is as
	// long as stalePatience.
	commandLooks = 12
	// shownOutput is how much of the end of a command's output is shown, in bytes.
	shownOutput = 2000
)

// sent is a command that an instance has.
type sent struct{ id, instance string }

// runCommand carries out a run step. The command is in the heartbeat as soon as it is sent, and
// carries its key as a comment: a try that comes after another one waits for the same command.
func (s *seeding) runCommand(ctx context.Context, step perch.SeedRun, mark string) (perch.SeedDone, error) {
	comment := commandComment(mark, activity.GetInfo(ctx).WorkflowExecution.RunID)
	running, found, err := s.findCommand(ctx, mark, comment)
	if err == nil && !found {
		running, err = s.sendCommand(ctx, step, comment)
	}
	if err != nil {
		return perch.SeedDone{}, err
	}
	s.progress.Cursor = mark + " " + running.instance + " " + running.id
	s.beats.Set(s.progress)
	return s.awaitCommand(ctx, step, running)
}

// commandComment finds a command again: the step in this run, in less than the 100 characters that
// a comment may have (AWS docs: SendCommand).
func commandComment(mark, run string) string {
	sum := sha256.Sum256([]byte(mark + " " + run))
	return "perch seed " + hex.EncodeToString(sum[:16])
}

// findCommand is the command that an earlier try of this activity has sent: from its heartbeat,
// else by the command's comment. Where there may be one that the list does not show yet, it is
// listed again for some time: a second command would run beside the first. One that appears later
// still is not waited for, and runs twice.
func (s *seeding) findCommand(ctx context.Context, mark, comment string) (sent, bool, error) {
	if parts := strings.Fields(s.progress.Cursor); len(parts) == 3 && parts[0] == mark {
		return sent{id: parts[2], instance: parts[1]}, true, nil
	}
	for look := 1; ; look++ {
		running, found, err := s.listCommand(ctx, comment)
		if found || err != nil || !s.resuming || look == commandLooks {
			return running, found, err
		}
		if err := pulse.Linger(ctx, s.Interval); err != nil {
			return sent{}, false, err
		}
	}
}

// listCommand is the command of that comment, if Systems Manager lists it.
func (s *seeding) listCommand(ctx context.Context, comment string) (sent, bool, error) {
	since := activity.GetInfo(ctx).ScheduledTime.Add(-time.Minute) // AWS's clock may be another.
	pages := ssm.NewListCommandInvocationsPaginator(
		s.systems,
		&ssm.ListCommandInvocationsInput{Filters: []types.CommandFilter{{
			Key: types.CommandFilterKeyInvokedAfter, Value: aws.String(since.UTC().Format(time.RFC3339)),
		}}},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return sent{}, false, awserr.Wrap(err, "look for the command of an earlier try")
		}
		for _, c := range page.CommandInvocations {
			if aws.ToString(c.Comment) == comment {
				return sent{id: aws.ToString(c.CommandId), instance: aws.ToString(c.InstanceId)}, true, nil
			}
		}
	}
	return sent{}, false, nil
}

// sendCommand sends the command to the first instance whose agent has reported. The call itself is
// not tried again: its answer may have been lost and not its effect, and only the next try of the
// activity looks for that.
func (s *seeding) sendCommand(ctx context.Context, step perch.SeedRun, comment string) (sent, error) {
	for {
		ids, err := s.listInstances(ctx)
		if err != nil {
			return sent{}, err
		}
		for _, id := range ids {
			out, err := s.systems.SendCommand(ctx, &ssm.SendCommandInput{
				DocumentName: aws.String(
					"AWS-RunShellScript",
				), InstanceIds: []string{id}, Comment: &comment,
				TimeoutSeconds: aws.Int32(int32(agentPatience.Seconds())),
				Parameters: map[string][]string{
					"commands":         containerScript(step.Command),
					"executionTimeout": {strconv.Itoa(int(step.Timeout.Seconds()))},
				},
			}, func(o *ssm.Options) { o.Retryer = aws.NopRetryer{} })
			if err == nil {
				return sent{id: aws.ToString(out.Command.CommandId), instance: id}, nil
			}
			if !awserr.HasCode(err, "InvalidInstanceId") {
				return sent{}, awserr.Wrap(err, "send a command to instance %s", id)
			}
		}
		if time.Since(s.progress.Since) > agentPatience {
			return sent{}, s.fail(
				"Systems Manager knows none of the environment's instances (%s) after %s; the instances' role must "+
					"let them take commands: run `perch application up` and try again in some minutes",
				strings.Join(ids, ", "),
				agentPatience,
			)
		}
		if err := pulse.Linger(ctx, s.Interval); err != nil {
			return sent{}, err
		}
	}
}

// listInstances are the ids of the instances of the Elastic Beanstalk environment in the stack.
func (s *seeding) listInstances(ctx context.Context) (ids []string, err error) {
	environments, err := s.Environments(ctx, s.in.StackID)
	if err != nil {
		return nil, err
	}
	if len(environments) == 0 {
		return nil, s.fail(
			"the stack has no Elastic Beanstalk environment, so there is no container to run a command in",
		)
	}
	out, err := s.beanstalk.DescribeEnvironmentResources(
		ctx,
		&elasticbeanstalk.DescribeEnvironmentResourcesInput{EnvironmentName: &environments[0]},
	)
	if err != nil {
		return nil, awserr.Wrap(err, "list instances of Beanstalk environment %s", environments[0])
	}
	for _, instance := range out.EnvironmentResources.Instances {
		ids = append(ids, aws.ToString(instance.Id))
	}
	return ids, nil
}

// awaitCommand looks at the command until it has ended.
func (s *seeding) awaitCommand(ctx context.Context, step perch.SeedRun, running sent) (perch.SeedDone, error) {
	began, seen := time.Now(), time.Now()
	for {
		out, err := s.systems.GetCommandInvocation(
			ctx,
			&ssm.GetCommandInvocationInput{CommandId: &running.id, InstanceId: &running.instance},
		)
		switch {
		case awserr.HasCode(err, "InvocationDoesNotExist"):
			if time.Since(seen) > stalePatience {
				return perch.SeedDone{}, s.fail("Systems Manager has lost command %s", running.id)
			}
		case err != nil:
			return perch.SeedDone{}, awserr.Wrap(err, "look at command %s", running.id)
		case commandEnded(out.Status):
			return s.commandResult(step, out)
		default:
			seen, s.progress.Reason = time.Now(), string(out.Status)
			s.beats.Set(s.progress)
		}
		if time.Since(began) > step.Timeout+2*agentPatience {
			return perch.SeedDone{}, s.fail("command %s did not end within its timeout of %s", running.id, step.Timeout)
		}
		if err := pulse.Linger(ctx, s.Interval); err != nil {
			return perch.SeedDone{}, err
		}
	}
}

func commandEnded(status types.CommandInvocationStatus) bool {
	switch status {
	case types.CommandInvocationStatusPending,
		types.CommandInvocationStatusInProgress,
		types.CommandInvocationStatusDelayed,
		types.CommandInvocationStatusCancelling:
		return false
	}
	return true
}

// commandResult turns the end of a command into what the step did, or into its failure.
func (s *seeding) commandResult(step perch.SeedRun, out *ssm.GetCommandInvocationOutput) (perch.SeedDone, error) {
	text := aws.ToString(out.StandardOutputContent)
	if strings.TrimSpace(text) == "" {
		text = aws.ToString(out.StandardErrorContent)
	}
	output, code := outputEnd(text), int(out.ResponseCode)
	switch out.Status {
	case types.CommandInvocationStatusSuccess:
		return perch.SeedDone{ExitCode: &code, Output: outputEnd(aws.ToString(out.StandardOutputContent))}, nil
	case types.CommandInvocationStatusFailed:
		return perch.SeedDone{}, s.failAfter(output, "the command ended with exit code %d", code)
	}
	return perch.SeedDone{}, s.failAfter(
		output,
		"the command ended as %s; its timeout is %s",
		aws.ToString(out.StatusDetails),
		step.Timeout,
	)
}

// outputEnd is the end of an output, without what a terminal would act on.
func outputEnd(text string) string {
	text = strings.TrimSpace(strings.Map(graphic, strings.ToValidUTF8(text, "")))
	if len(text) > shownOutput {
		text = strings.ToValidUTF8(text[len(text)-shownOutput:], "")
	}
	return text
}

// graphic lets through what can be seen, and the ends of lines.
func graphic(r rune) rune {
	if unicode.IsGraphic(r) || r == '\n' || r == '\t' {
		return r
	}
	return -1
}
