package admit

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch"
	"perch/activities/awserr"
	"perch/activities/stack"
	"perch/cfn"
	"perch/lifecycle"
)

// withdraws reports whether the environment has variables or secrets that the wanted template no
// longer sets.
func (a *Admitter) withdraws(ctx context.Context, up candidate) (bool, error) {
	if up.wanted.isCustom() || !up.stack.Ours {
		return false, nil
	}
	wanted, err := cfn.ReadOptions(up.wanted.template.Body)
	if err != nil {
		return false, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	left, err := a.Beanstalk.Withdrawn(ctx, wanted)
	return len(left) > 0, err
}

// readDeployed reads the stack's current template and its options. It reads none if the stack is to
// be created again.
func (a *Admitter) readDeployed(ctx context.Context, request perch.Request, mine *stack.Owned, made *rendering) error {
	if request.Recreate || mine == nil || !lifecycle.WasReady(string(mine.Stack.StackStatus)) {
		return nil
	}
	body, err := a.Stacks.DeployedTemplate(ctx, aws.ToString(mine.Stack.StackId))
	if err != nil {
		return err
	}
	made.deployedBody, made.deployedParameters = body, parametersOf(mine)
	if made.deployed, err = cfn.ReadOptions(body); err != nil {
		made.deployed = cfn.SetOptions{} // A custom template was deployed.
	}
	return nil
}

// checkSwitch returns a *perch.Rejection if Elastic Beanstalk would reject the update.
func (up candidate) checkSwitch() error {
	if up.wanted.isCustom() {
		return nil
	}
	wanted, err := cfn.ReadOptions(up.wanted.template.Body)
	if err != nil {
		return awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	sentence := wanted.RejectedSwitch(up.wanted.deployed)
	if sentence == "" {
		return nil
	}
	return perch.Reject(
		"%s; change it back, or run `perch up --recreate %s`, which deletes the environment with its data and "+
			"creates it again",
		sentence,
		up.wanted.environment.Branch,
	)
}
