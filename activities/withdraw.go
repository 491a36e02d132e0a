package activities

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/stack"
	"perch/cfn"
	"perch/lifecycle"
)

// WithdrawOptions removes the variables and references to secrets from the environment that its stack's template no
// longer sets, and waits until Elastic Beanstalk has done so. CloudFormation leaves them in the environment.
func (s *Stacks) WithdrawOptions(ctx context.Context, in contract.StackInput) error {
	progress := perch.Progress{Status: "WITHDRAWING", Since: time.Now().UTC()}
	beats, stop := pulse.Start(ctx, progress)
	defer stop()
	if _, err := s.OwnStack(ctx, in); err != nil {
		return err
	}
	wanted, err := s.optionsInForce(ctx, in.StackID)
	if err != nil {
		return err
	}
	if err := s.awaitEnvironments(ctx, beats, progress, []string{wanted.Environment}); err != nil {
		return err
	}
	for asked := false; ; asked = true {
		left, err := s.apps.withdrawn(ctx, wanted)
		switch {
		case err != nil || len(left) == 0:
			return err
		case asked:
			return stillSet(wanted.Environment, left)
		}
		if err := s.apps.removeOptions(ctx, wanted.Environment, left); err != nil {
			return err
		}
		if err := s.awaitEnvironments(ctx, beats, progress, []string{wanted.Environment}); err != nil {
			return err
		}
	}
}

// stillSet rejects references to secrets that Beanstalk did not remove. A variable may be the platform's own.
func stillSet(environment string, left []cfn.OptionName) error {
	for _, option := range left {
		if option.Secret() {
			return awserr.Final(
				perch.ErrorInvalid,
				"Beanstalk environment %s still refers to secret %s, which the branch no longer sets: remove it in the "+
					"Elastic Beanstalk console",
				environment,
				option.Name,
			)
		}
	}
	return nil
}

// optionsInForce are the options of the template that the stack has now.
func (s *Stacks) optionsInForce(ctx context.Context, stackID string) (cfn.SetOptions, error) {
	out, err := s.cfn.GetTemplate(
		ctx,
		&cloudformation.GetTemplateInput{StackName: &stackID, TemplateStage: types.TemplateStageOriginal},
	)
	if err != nil {
		return cfn.SetOptions{}, awserr.Wrap(err, "read the template of stack %s", stackID)
	}
	set, err := cfn.ReadOptions([]byte(aws.ToString(out.TemplateBody)))
	if err != nil {
		return set, awserr.Final(perch.ErrorInvalid, "stack %s: %v", stackID, err)
	}
	return set, nil
}

// withdrawn are the options that the environment has and wanted does not set; none if there is no environment.
func (a *Applications) withdrawn(ctx context.Context, wanted cfn.SetOptions) ([]cfn.OptionName, error) {
	out, err := a.beanstalk.DescribeConfigurationSettings(ctx, &elasticbeanstalk.DescribeConfigurationSettingsInput{
		ApplicationName: &wanted.Application, EnvironmentName: &wanted.Environment,
	})
	if awserr.Says(err, "InvalidParameterValue", "No Environment found") {
		return nil, nil
	}
	if err != nil {
		return nil, awserr.Wrap(err, "read the options of Beanstalk environment %s", wanted.Environment)
	}
	var present []cfn.OptionName
	for _, settings := range out.ConfigurationSettings {
		for _, option := range settings.OptionSettings {
			present = append(
				present,
				cfn.OptionName{Namespace: aws.ToString(option.Namespace), Name: aws.ToString(option.OptionName)},
			)
		}
	}
	return wanted.Withdrawn(present), nil
}

func (a *Applications) removeOptions(ctx context.Context, environment string, options []cfn.OptionName) error {
	in := &elasticbeanstalk.UpdateEnvironmentInput{EnvironmentName: &environment}
	var names []string
	for _, option := range options {
		in.OptionsToRemove = append(
			in.OptionsToRemove,
			ebtypes.OptionSpecification{Namespace: &option.Namespace, OptionName: &option.Name},
		)
		names = append(names, option.Name)
	}
	_, err := a.beanstalk.UpdateEnvironment(ctx, in)
	return awserr.Wrap(err, "remove %s from Beanstalk environment %s", strings.Join(names, ", "), environment)
}

// withdraws reports whether the environment has variables or secrets that the wanted template does not set.
func (r *Requests) withdraws(ctx context.Context, up candidate) (bool, error) {
	if up.wanted.isCustom() || !up.stack.Ours {
		return false, nil
	}
	wanted, err := cfn.ReadOptions(up.wanted.template.Body)
	if err != nil {
		return false, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	left, err := r.apps.withdrawn(ctx, wanted)
	return len(left) > 0, err
}

// deployedOptions are the options of the template in force. There are none if the stack is to be created again.
func (r *Requests) deployedOptions(ctx context.Context, request perch.Request, mine *stack.Owned) (cfn.SetOptions, error) {
	if request.Recreate || mine == nil || !lifecycle.WasReady(string(mine.Stack.StackStatus)) {
		return cfn.SetOptions{}, nil
	}
	out, err := r.stacks.cfn.GetTemplate(
		ctx,
		&cloudformation.GetTemplateInput{StackName: mine.Stack.StackId, TemplateStage: types.TemplateStageOriginal},
	)
	if err != nil {
		return cfn.SetOptions{}, awserr.Wrap(err, "read the template of stack %s", aws.ToString(mine.Stack.StackId))
	}
	deployed, err := cfn.ReadOptions([]byte(aws.ToString(out.TemplateBody)))
	if err != nil {
		return cfn.SetOptions{}, nil // A custom template was deployed.
	}
	return deployed, nil
}

// checkSwitch is a *perch.Rejection if Elastic Beanstalk would reject the update.
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
	return perch.Reject("%s; change it back, or run `perch up --recreate %s`, which deletes the environment with its data and creates it again",
		sentence, up.wanted.environment.Branch)
}
