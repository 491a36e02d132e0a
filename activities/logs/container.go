package logs

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/pulse"
)

const (
	// shownOutput is how many bytes from the end of the containers' log an instance returns. Run
	// Command shows the first 24,000 characters of an output (AWS docs: GetCommandInvocation).
	shownOutput = 23_000
	// commandPause is the pause between two requests for the state of a command. commandLimit is
	// how many seconds the command may run. agentLimit is how many seconds the instance's agent has
	// to accept the command; 30 is the least (AWS docs: SendCommand).
	commandPause = 500 * time.Millisecond
	commandLimit = 10
	agentLimit   = 30
)

// containerTail reads the last lines of the app's containers on an instance of the environment.
func (r *Reader) containerTail(
	ctx context.Context, environment perch.Environment, since time.Time, n int,
) perch.LogLines {
	name := environment.BeanstalkName()
	resources, err := r.beanstalk.DescribeEnvironmentResources(
		ctx, &elasticbeanstalk.DescribeEnvironmentResourcesInput{EnvironmentName: &name},
	)
	if err != nil {
		return unreadable(err, "environment %s streams no logs, and its instances cannot be listed", name)
	}
	for _, instance := range resources.EnvironmentResources.Instances {
		id := aws.ToString(instance.Id)
		output, err := r.command(ctx, id, logScript(since, n))
		if awserr.HasCode(err, "InvalidInstanceId") {
			continue // It does not accept commands yet, or no longer exists.
		}
		if err != nil {
			return unreadable(err, "environment %s streams no logs, and instance %s cannot be asked", name, id)
		}
		lines := containerLines(id, output)
		if len(lines) == 0 {
			break
		}
		return masked(perch.LogLines{Source: "instance " + id, Lines: newest(lines, n)})
	}
	return perch.LogLines{Problem: fmt.Sprintf(
		"environment %s streams no logs to CloudWatch Logs, and its containers have logged nothing since %s on an "+
			"instance that takes commands", name, since.UTC().Format(time.RFC3339),
	)}
}

// logScript prints the log of all containers of the app, each line with its time.
func logScript(since time.Time, n int) []string {
	return []string{
		"#!/bin/bash",
		"set -o pipefail",
		"cd /var/app/current || exit 1",
		fmt.Sprintf("docker compose logs --no-color --timestamps --since %s --tail %d 2>&1 </dev/null | tail -c %d",
			since.UTC().Format(time.RFC3339), n, shownOutput),
	}
}

// command runs a script on an instance and returns its output.
func (r *Reader) command(ctx context.Context, instance string, script []string) (string, error) {
	sent, err := r.systems.SendCommand(ctx, &ssm.SendCommandInput{
		DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{instance},
		Comment:        aws.String("perch logs"),
		TimeoutSeconds: aws.Int32(agentLimit),
		Parameters:     map[string][]string{"commands": script, "executionTimeout": {strconv.Itoa(commandLimit)}},
	})
	if err != nil {
		return "", err
	}
	for {
		out, err := r.systems.GetCommandInvocation(
			ctx, &ssm.GetCommandInvocationInput{CommandId: sent.Command.CommandId, InstanceId: &instance},
		)
		switch {
		case awserr.HasCode(err, "InvocationDoesNotExist"): // Run Command is eventually consistent.
		case err != nil:
			return "", err
		case out.Status == types.CommandInvocationStatusSuccess:
			return aws.ToString(out.StandardOutputContent), nil
		case ended(out.Status):
			return "", fmt.Errorf("the command ended as %s: %s", aws.ToString(out.StatusDetails),
				perch.Printable(aws.ToString(out.StandardOutputContent)+aws.ToString(out.StandardErrorContent)))
		}
		if err := pulse.Pause(ctx, commandPause); err != nil {
			return "", err
		}
	}
}

func ended(status types.CommandInvocationStatus) bool {
	switch status {
	case types.CommandInvocationStatusPending, types.CommandInvocationStatusInProgress,
		types.CommandInvocationStatusDelayed, types.CommandInvocationStatusCancelling:
		return false
	}
	return true
}

// containerLines parses the output of Compose: `app-1 | TIME TEXT`. If the first line was cut off
// at its beginning, it has no time and is left out.
func containerLines(instance, output string) (lines []perch.LogLine) {
	for _, line := range strings.Split(output, "\n") {
		container, rest, found := strings.Cut(line, " | ")
		at, text, _ := strings.Cut(rest, " ")
		when, err := time.Parse(time.RFC3339Nano, at)
		if !found || err != nil {
			continue
		}
		lines = append(lines, perch.LogLine{At: when.UTC(), Stream: instance, Text: clean(container + " | " + text)})
	}
	return lines
}
