package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
)

var instanceAssumptions = []Assumption{
	{
		Name:     "elasticbeanstalk/tags-of-instances",
		Sentence: "The instances that DescribeEnvironmentResources lists have the tags of their environment.",
		Source:   beanstalkGuide + "using-features.tagging.html",
		ReliedOn: "activities/seed/command.go", Cents: 1, Minutes: 15, check: checkInstanceTags,
	},
	{
		Name: "elasticbeanstalk/permissions-of-the-caller",
		Sentence: "DescribeEnvironmentResources calls Auto Scaling with its caller's permissions. Without them, it " +
			"fails with an InsufficientPrivilegesException that names the action.",
		Source:   "https://github.com/zoph-io/MAMIP (AWSElasticBeanstalkReadOnly); error reports",
		ReliedOn: "deploy/iam/worker.json", Cents: 1, Minutes: 15, check: checkCallersPermissions,
	},
	{
		Name:     "elasticbeanstalk/address-of-a-single-instance",
		Sentence: "An environment of type SingleInstance has an Elastic IP address.",
		Source:   beanstalkGuide + "using-features-managing-env-types.html",
		ReliedOn: "activities/quota/addresses.go", Cents: 1, Minutes: 15, check: checkElasticAddress,
	},
	{
		Name: "elasticbeanstalk/architecture-is-fixed",
		Sentence: "An update that changes the option SupportedArchitectures of an environment fails, and " +
			"CloudFormation rolls it back.",
		Source:   beanstalkGuide + "using-features.managing.ec2.html",
		ReliedOn: "cfn/switches.go", Cents: 1, Minutes: 25, check: checkFixedArchitecture,
	},
	{
		Name: "elasticbeanstalk/characters-in-values",
		Sentence: "The value of an environment variable may contain commas, semicolons and other ASCII characters. " +
			"DescribeConfigurationSettings returns it unchanged.",
		Source:   "not documented; environments-cfg-softwaresettings.html lists fewer characters",
		ReliedOn: "config/variable_value.go", Cents: 1, Minutes: 15, check: checkCharacters,
	},
}

// instances returns the ids of the instances of the environment with the name.
func (w *World) instances(ctx context.Context, name string) ([]string, error) {
	in := &elasticbeanstalk.DescribeEnvironmentResourcesInput{EnvironmentName: &name}
	out, err := w.beanstalk.DescribeEnvironmentResources(ctx, in)
	if err := wantAccepted("DescribeEnvironmentResources", err); err != nil {
		return nil, err
	}
	if out.EnvironmentResources == nil || len(out.EnvironmentResources.Instances) == 0 {
		return nil, differencef("the environment has no instances")
	}
	var ids []string
	for _, instance := range out.EnvironmentResources.Instances {
		ids = append(ids, aws.ToString(instance.Id))
	}
	return ids, nil
}

func checkInstanceTags(ctx context.Context, w *World) error {
	name := w.environmentName("-instance")
	if _, err := w.createEnvironment(ctx, "", name); err != nil {
		return err
	}
	ids, err := w.instances(ctx, name)
	if err != nil {
		return err
	}
	out, err := w.network.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids})
	if err := wantAccepted("DescribeInstances", err); err != nil {
		return err
	}
	for _, reservation := range out.Reservations {
		for _, instance := range reservation.Instances {
			if !w.hasRunTag(instance.Tags) {
				return differencef(
					"the instance %s does not have the tags of its environment", aws.ToString(instance.InstanceId),
				)
			}
		}
	}
	if len(out.Reservations) == 0 {
		return differencef("DescribeInstances lists no instance")
	}
	return nil
}

// hasRunTag reports whether the EC2 tags include the tag of the run.
func (w *World) hasRunTag(tags []ec2types.Tag) bool {
	for _, tag := range tags {
		if w.isRunTag(aws.ToString(tag.Key), aws.ToString(tag.Value)) {
			return true
		}
	}
	return false
}

func checkCallersPermissions(ctx context.Context, w *World) error {
	name := w.environmentName("-caller")
	if _, err := w.createEnvironment(ctx, "", name); err != nil {
		return err
	}
	caller, err := w.assumeNewRole(ctx, `Action: "elasticbeanstalk:*", Resource: "*"`)
	if err != nil {
		return err
	}
	err = w.waitUntil(ctx, "the new role's permissions take effect", func() (bool, error) {
		_, err := caller.environments(ctx, name, false)
		if hasCode(err, "AccessDenied") {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return err
	}
	_, err = caller.beanstalk.DescribeEnvironmentResources(ctx, &elasticbeanstalk.DescribeEnvironmentResourcesInput{
		EnvironmentName: &name,
	})
	return wantRejected("DescribeEnvironmentResources", err, "InsufficientPrivilegesException",
		"autoscaling:DescribeAutoScalingGroups")
}

func checkElasticAddress(ctx context.Context, w *World) error {
	name := w.environmentName("-address")
	if _, err := w.createEnvironment(ctx, "", name); err != nil {
		return err
	}
	ids, err := w.instances(ctx, name)
	if err != nil {
		return err
	}
	out, err := w.network.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err := wantAccepted("DescribeAddresses", err); err != nil {
		return err
	}
	for _, address := range out.Addresses {
		if aws.ToString(address.InstanceId) == ids[0] {
			return nil
		}
	}
	return differencef("none of %d Elastic IP addresses belongs to the instance %s", len(out.Addresses), ids[0])
}

func checkFixedArchitecture(ctx context.Context, w *World) error {
	name := w.environmentName("-arch")
	architecture := option("aws:ec2:instances", "SupportedArchitectures", "x86_64")
	body, err := w.newestPlatformTemplate(ctx, name, "", architecture)
	if err != nil {
		return err
	}
	stack, err := w.createStack(ctx, "", body)
	if err != nil {
		return err
	}
	return w.wantFixed(ctx, stack, strings.NewReplacer("x86_64", "arm64", "t3.micro", "t4g.micro").Replace(body))
}

// characters has the ASCII characters that Perch allows in the value of a variable, and one letter
// outside ASCII.
const characters = "a,b;c&d#e!f(g)h{i}j%k=l:m/n+o@p<q>r|s*t?u~v^w$x[y]z_A.B-C é"

func checkCharacters(ctx context.Context, w *World) error {
	name := w.environmentName("-signs")
	if _, err := w.createEnvironment(ctx, "", name, variable("FLAG", "'"+characters+"'")); err != nil {
		return err
	}
	value, err := w.flagValue(ctx, name)
	if err == nil && value != characters {
		err = differencef("the value is %q, want %q", value, characters)
	}
	return err
}
