package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var roleBeliefs = []Belief{
	{
		Name: "iam/service-role-is-used",
		Sentence: "A resource's handler acts with the stack's service role: if the role lacks a right, the resource fails, " +
			"and the reason names the action.",
		Source:   guide + "using-iam-servicerole.html",
		ReliedOn: "deploy/iam/cloudformation.json", Minutes: 4, check: checkServiceRole,
	},
}

// trust is the property of a role that a service may assume.
func trust(service string) string {
	return `AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, ` +
		`Principal: {Service: ` + service + `.amazonaws.com}, Action: "sts:AssumeRole"}]}, `
}

// allowing is a role for CloudFormation with rights to actions.
func allowing(actions string) string {
	return template("Role: {Type: AWS::IAM::Role, Properties: {" + trust("cloudformation") +
		`Policies: [{PolicyName: rights, PolicyDocument: {Version: "2012-10-17", Statement: [{` +
		`Effect: Allow, Action: [` + actions + `], Resource: "*"}]}}]}}`)
}

// serviceRole is the ARN of a new role for CloudFormation with every right to a
// parameter but ssm:PutParameter.
func (w *World) serviceRole(ctx context.Context) (string, error) {
	stack, err := w.create(ctx, "-role", allowing(`"ssm:AddTagsToResource", "ssm:GetParameters", "ssm:DeleteParameter"`))
	if err != nil {
		return "", err
	}
	name, err := w.physical(ctx, stack, "Role")
	return "arn:aws:iam::" + w.target.Account + ":role/" + name, err
}

func checkServiceRole(ctx context.Context, w *World) error {
	role, err := w.serviceRole(ctx)
	if err != nil {
		return err
	}
	in := w.creation("", parameter("1"))
	in.RoleARN = &role
	stack := ""
	// A new role cannot be assumed for some seconds (AWS docs: IAM, "Changes that I make are not always
	// immediately visible").
	err = w.until(ctx, "CloudFormation can assume the new role", func() (bool, error) {
		stack, err = w.begin(ctx, in)
		if err != nil && strings.Contains(err.Error(), "cannot be assumed") {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return err
	}
	if err := w.reach(ctx, stack, types.StackStatusRollbackComplete); err != nil {
		return err
	}
	reason := w.firstFailure(ctx, stack)
	if !strings.HasPrefix(reason, "Thing: ") || !strings.Contains(reason, "ssm:PutParameter") {
		return differs("the first failure is %q, want one of Thing that names ssm:PutParameter", reason)
	}
	return nil
}
