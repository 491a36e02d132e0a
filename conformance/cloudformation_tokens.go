package conformance

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var tokenAssumptions = []Assumption{
	{
		Name: "cloudformation/token-repeats-a-creation",
		Sentence: "CreateStack with the token and the input of an earlier call returns the same stack id, and " +
			"creates nothing.",
		Source: recorded, ReliedOn: "activities/change/change.go", Minutes: 2, check: checkTokenRepeats,
	},
	{
		Name: "cloudformation/token-of-another-request",
		Sentence: "CreateStack with a token that an earlier call used with another template fails with " +
			"TokenAlreadyExistsException.",
		Source: recorded, ReliedOn: "activities/change/change.go", Minutes: 2, check: checkTokenOfAnotherRequest,
	},
	{
		Name:     "cloudformation/token-on-events",
		Sentence: "Every event of an operation has the token of the call that started the operation.",
		Source:   recorded, ReliedOn: "activities/stack/events.go", Minutes: 2, check: checkTokenOnEvents,
	},
	{
		Name: "cloudformation/token-repeats-a-deletion",
		Sentence: "CloudFormation accepts DeleteStack by stack id again with the same token, during and after the " +
			"deletion.",
		Source: "no recording", ReliedOn: "activities/change/change.go", Minutes: 2, check: checkTokenOfDeletion,
	},
}

const token = "perch-0a1b2c3d-1"

func checkTokenRepeats(ctx context.Context, w *World) error {
	in := w.createInput("", parameterTemplate("1"))
	in.ClientRequestToken = aws.String(token)
	id, err := w.createStackFrom(ctx, in)
	if err != nil {
		return err
	}
	out, err := w.stacks.CreateStack(ctx, in)
	if err := wantAccepted("CreateStack", err); err != nil {
		return err
	}
	if again := aws.ToString(out.StackId); again != id {
		w.created = append(w.created, again)
		return differencef("the second call returned stack %s, the first returned %s", again, id)
	}
	return nil
}

func checkTokenOfAnotherRequest(ctx context.Context, w *World) error {
	in := w.createInput("", parameterTemplate("1"))
	in.ClientRequestToken = aws.String(token)
	if _, err := w.createStackFrom(ctx, in); err != nil {
		return err
	}
	in.TemplateBody = aws.String(parameterTemplate("2"))
	_, err := w.stacks.CreateStack(ctx, in)
	return wantRejected("CreateStack", err, "TokenAlreadyExistsException", token)
}

func checkTokenOnEvents(ctx context.Context, w *World) error {
	in := w.createInput("", parameterTemplate("1"))
	in.ClientRequestToken = aws.String(token)
	id, err := w.createStackFrom(ctx, in)
	if err != nil {
		return err
	}
	events, err := w.stackEvents(ctx, id)
	if err != nil {
		return err
	}
	for _, e := range events {
		if got := aws.ToString(e.ClientRequestToken); got != token {
			return differencef(
				"the event %s %s has the token %q", aws.ToString(e.LogicalResourceId), e.ResourceStatus, got,
			)
		}
	}
	return nil
}

func checkTokenOfDeletion(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	for _, moment := range []string{"DeleteStack", "DeleteStack again", "DeleteStack after the deletion"} {
		_, err := w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id,
			ClientRequestToken: aws.String(token)})
		if err := wantAccepted(moment, err); err != nil {
			return err
		}
		if moment == "DeleteStack" {
			continue
		}
		if err := w.wantStatus(ctx, id, types.StackStatusDeleteComplete); err != nil {
			return err
		}
	}
	return nil
}
