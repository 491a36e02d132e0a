package change

import (
	"context"
	"time"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/cfn"
)

// AwaitBeanstalk waits until no Elastic Beanstalk environment of the stack has an operation in
// progress. Beanstalk accepts an update or a termination only if the environment is Ready. It also
// completes a launch or an update after CloudFormation has given up on it.
func (c *Changer) AwaitBeanstalk(ctx context.Context, in contract.StackInput) error {
	progress := perch.Progress{Status: "WAITING", Since: time.Now().UTC()}
	beats, stop := pulse.Start(ctx, progress)
	defer stop()
	if _, err := c.Stacks.OwnStack(ctx, in); err != nil {
		return err
	}
	contents, err := c.Stacks.Contents(ctx, in)
	if err != nil {
		return err
	}
	return c.Beanstalk.AwaitEnvironments(ctx, beats, progress, contents.Environments)
}

// WithdrawOptions removes from the environment the variables and references to secrets that its
// stack's template no longer sets, and waits until Elastic Beanstalk has done so. CloudFormation
// leaves them in the environment.
func (c *Changer) WithdrawOptions(ctx context.Context, in contract.StackInput) error {
	progress := perch.Progress{Status: "WITHDRAWING", Since: time.Now().UTC()}
	beats, stop := pulse.Start(ctx, progress)
	defer stop()
	if _, err := c.Stacks.OwnStack(ctx, in); err != nil {
		return err
	}
	wanted, err := c.optionsInForce(ctx, in.StackID)
	if err != nil {
		return err
	}
	if err := c.Beanstalk.AwaitEnvironments(ctx, beats, progress, []string{wanted.Environment}); err != nil {
		return err
	}
	for asked := false; ; asked = true {
		left, err := c.Beanstalk.Withdrawn(ctx, wanted)
		switch {
		case err != nil || len(left) == 0:
			return err
		case asked:
			return stillSet(wanted.Environment, left)
		}
		if err := c.Beanstalk.RemoveOptions(ctx, wanted.Environment, left); err != nil {
			return err
		}
		if err := c.Beanstalk.AwaitEnvironments(ctx, beats, progress, []string{wanted.Environment}); err != nil {
			return err
		}
	}
}

// stillSet returns an error if references to secrets are left that Beanstalk did not remove. It
// ignores variables, because the platform itself may set them.
func stillSet(environment string, left []cfn.OptionName) error {
	for _, option := range left {
		if option.Secret() {
			return awserr.Final(
				perch.ErrorInvalid,
				"Beanstalk environment %s still refers to secret %s, which the branch no longer sets: remove it in "+
					"the "+
					"Elastic Beanstalk console",
				environment,
				option.Name,
			)
		}
	}
	return nil
}

// optionsInForce returns the options of the stack's current template.
func (c *Changer) optionsInForce(ctx context.Context, stackID string) (cfn.SetOptions, error) {
	body, err := c.Stacks.DeployedTemplate(ctx, stackID)
	if err != nil {
		return cfn.SetOptions{}, err
	}
	set, err := cfn.ReadOptions(body)
	if err != nil {
		return set, awserr.Final(perch.ErrorInvalid, "stack %s: %v", stackID, err)
	}
	return set, nil
}
