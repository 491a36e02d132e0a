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
	// agentPatience is how long the instance's agent may take to register with Systems Manager, and
	// to accept the command.
	agentPatience = 5 * time.Minute
	// stalePatience is how long Systems Manager may fail to find a command after it was sent. Run
	// Command is eventually consistent (AWS docs: GetCommandInvocation).
	stalePatience = time.Minute
	// commandLooks is how often a later attempt lists the commands, one interval apart, before it
	// concludes that no earlier attempt has sent one. At the worker's usual interval, that takes as
	// long as stalePatience.
	commandLooks = 12
	// shownOutput is how many bytes from the end of a command's output are shown.
	shownOutput = 2000
)

// sent is a command that was sent to an instance.
type sent struct{ id, instance string }

// runCommand runs the command of a run step. As soon as the command is sent, the heartbeat has its
// id. The command also carries a comment that identifies the step. So a later attempt finds the
// command and waits for it, and does not send another one.
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

// commandComment returns the comment that identifies the command of a step in this run. It is
// shorter than the 100 characters that a comment may have (AWS docs: SendCommand).
func commandComment(mark, run string) string {
	sum := sha256.Sum256([]byte(mark + " " + run))
	return "perch seed " + hex.EncodeToString(sum[:16])
}

// findCommand returns the command that an earlier attempt of this activity has sent. It finds it in
// the heartbeat or, if that does not have it, by the comment. If an earlier attempt may have sent a
// command that is not listed yet, findCommand lists the commands again for some time, because a
// second command would run at the same time as the first. A command that is listed even later is
// missed, and the step then runs twice.
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

// listCommand returns the command with that comment, if Systems Manager lists it.
func (s *seeding) listCommand(ctx context.Context, comment string) (sent, bool, error) {
	since := activity.GetInfo(ctx).ScheduledTime.Add(-time.Minute) // AWS's clock may differ.
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

// sendCommand sends the command to the first instance whose agent has registered. It does not
// repeat the call after an error, because the command may have been sent although the answer was
// lost. The next attempt of the activity checks that.
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

// listInstances returns the ids of the instances of the stack's Elastic Beanstalk environment.
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

// awaitCommand waits until the command has ended.
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

// commandResult converts the end of a command to the step's result, or to its failure.
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

// outputEnd returns the end of an output, without characters that a terminal would act on.
func outputEnd(text string) string {
	text = strings.TrimSpace(strings.Map(graphic, strings.ToValidUTF8(text, "")))
	if len(text) > shownOutput {
		text = strings.ToValidUTF8(text[len(text)-shownOutput:], "")
	}
	return text
}

// graphic keeps characters that can be seen, and line ends.
func graphic(r rune) rune {
	if unicode.IsGraphic(r) || r == '\n' || r == '\t' {
		return r
	}
	return -1
}
