package beanstalk

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch/activities/awserr"
	"perch/cfn"
)

// Withdrawn returns the options that the environment has and wanted no longer sets; none if there
// is no environment.
func (c *Client) Withdrawn(ctx context.Context, wanted cfn.SetOptions) ([]cfn.OptionName, error) {
	out, err := c.beanstalk.DescribeConfigurationSettings(ctx, &elasticbeanstalk.DescribeConfigurationSettingsInput{
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

// RemoveOptions removes options from the environment.
func (c *Client) RemoveOptions(ctx context.Context, environment string, options []cfn.OptionName) error {
	in := &elasticbeanstalk.UpdateEnvironmentInput{EnvironmentName: &environment}
	var names []string
	for _, option := range options {
		in.OptionsToRemove = append(
			in.OptionsToRemove,
			ebtypes.OptionSpecification{Namespace: &option.Namespace, OptionName: &option.Name},
		)
		names = append(names, option.Name)
	}
	_, err := c.beanstalk.UpdateEnvironment(ctx, in)
	return awserr.Wrap(err, "remove %s from Beanstalk environment %s", strings.Join(names, ", "), environment)
}
