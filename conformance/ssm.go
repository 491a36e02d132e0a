package conformance

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

const systemsAPI = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/"

var systemsAssumptions = []Assumption{
	{
		Name:     "ssm/unknown-parameter",
		Sentence: "GetParameter of a parameter that does not exist fails with ParameterNotFound.",
		Source:   systemsAPI + "API_GetParameter.html", ReliedOn: "activities/seed/secret.go", Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			_, err := w.systems.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(w.stackName("-none"))})
			return wantRejected("GetParameter", err, "ParameterNotFound", "")
		},
	},
	{
		Name:     "ssm/unknown-instance",
		Sentence: "SendCommand to an instance that does not exist fails with InvalidInstanceId.",
		Source:   systemsAPI + "API_SendCommand.html", ReliedOn: "activities/seed/command.go", Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			_, err := w.systems.SendCommand(ctx, &ssm.SendCommandInput{
				DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{"i-0123456789abcdef0"},
				Parameters: map[string][]string{"commands": {"true"}},
			})
			return wantRejected("SendCommand", err, "InvalidInstanceId", "")
		},
	},
	{
		Name:     "ssm/unknown-command",
		Sentence: "GetCommandInvocation of a command that does not exist fails with InvocationDoesNotExist.",
		Source:   systemsAPI + "API_GetCommandInvocation.html", ReliedOn: "activities/seed/command.go", Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			_, err := w.systems.GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{
				CommandId:  aws.String("0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f"),
				InstanceId: aws.String("i-0123456789abcdef0"),
			})
			return wantRejected("GetCommandInvocation", err, "InvocationDoesNotExist", "")
		},
	},
}
