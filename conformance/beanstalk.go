package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
)

const (
	beanstalkGuide = "https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/"
	environmentDoc = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/" +
		"aws-resource-elasticbeanstalk-environment.html"
)

// Each of these checks runs one t3.micro with a public address, which costs about 2 US cents an
// hour (AWS pricing: EC2).
var beanstalkBeliefs = []Belief{
	{
		Name: "elasticbeanstalk/terminated-environments",
		Sentence: "A terminated environment stays in DescribeEnvironments as Terminated, unless IncludeDeleted is " +
			"false; its name can be used again at once.",
		Source:   "https://github.com/aws/aws-dotnet-deploy/pull/599",
		ReliedOn: "activities/leftovers/verify.go", Cents: 2, Minutes: 25, check: checkTerminated,
	},
	{
		Name:     "elasticbeanstalk/tags-of-environments",
		Sentence: "An environment has its stack's tags, and none of `aws:cloudformation:`.",
		Source:   "https://github.com/pulumi/pulumi-aws-native (registry schema: cloudFormationSystemTags false)",
		ReliedOn: "activities/stack/dropped.go", Cents: 1, Minutes: 15, check: checkEnvironmentTags,
	},
	{
		Name:     "elasticbeanstalk/name-is-no-tag",
		Sentence: "A tag whose value is the environment's name fails the creation.",
		Source:   beanstalkGuide + "using-features.tagging.html", ReliedOn: "tags.go", Minutes: 5,
		check: checkNameIsNoTag,
	},
}

// environmentName returns the name of the check's environment, at most 40 characters.
func (w *World) environmentName(suffix string) string { return "perch-" + w.run + suffix }

// applicationWith returns the template of applicationOn with the newest platform.
func (w *World) applicationWith(ctx context.Context, name, lines string, options ...string) (string, error) {
	platform, err := w.platform(ctx)
	if err != nil {
		return "", err
	}
	return w.applicationOn("SolutionStackName: "+platform, name, lines, options...), nil
}

// applicationOn returns a template with an application and one environment of one instance, which
// runs Beanstalk's sample application. platform is the property that names the platform. options
// are more option settings. lines are more properties of the environment.
func (w *World) applicationOn(platform, name, lines string, options ...string) string {
	single := option("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance")
	return template(environmentParts(platform, name, lines, append([]string{single}, options...))...)
}

// environmentParts returns the resources of applicationOn, for an environment of any type.
func environmentParts(platform, name, lines string, options []string) []string {
	settings := append([]string{
		option("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "!Ref Profile"),
		// New accounts can only use launch templates, and this option makes Beanstalk use one.
		option("aws:autoscaling:launchconfiguration", "DisableIMDSv1", `"true"`),
		option("aws:ec2:instances", "InstanceTypes", "t3.micro"),
	}, options...)
	return []string{
		"Application: {Type: AWS::ElasticBeanstalk::Application}",
		"Role: {Type: AWS::IAM::Role, Properties: {" + trust("ec2") +
			`ManagedPolicyArns: ["arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"]}}`,
		"Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}",
		"Environment: {Type: AWS::ElasticBeanstalk::Environment, Properties: {ApplicationName: !Ref Application, " +
			"EnvironmentName: " + name + ", " + platform + ", " + lines +
			"OptionSettings: [" + strings.Join(settings, ", ") + "]}}",
	}
}

func option(namespace, name, value string) string {
	return fmt.Sprintf(`{Namespace: "%s", OptionName: %s, Value: %s}`, namespace, name, value)
}

// environment creates a stack with an application and an environment, and returns the stack's id.
func (w *World) environment(ctx context.Context, suffix, name string, options ...string) (stack string, err error) {
	body, err := w.applicationWith(ctx, name, "", options...)
	if err != nil {
		return "", err
	}
	return w.create(ctx, suffix, body)
}

// environments lists the environments with the name; deleted means that it includes terminated
// ones.
func (w *World) environments(ctx context.Context, name string, deleted bool) ([]ebtypes.EnvironmentDescription, error) {
	out, err := w.beanstalk.DescribeEnvironments(ctx, &elasticbeanstalk.DescribeEnvironmentsInput{
		EnvironmentNames: []string{name}, IncludeDeleted: &deleted,
	})
	if err := wantAccepted("DescribeEnvironments", err); err != nil {
		return nil, err
	}
	return out.Environments, nil
}

func checkTerminated(ctx context.Context, w *World) error {
	name := w.environmentName("-twice")
	stack, err := w.environment(ctx, "", name)
	if err != nil {
		return err
	}
	if err := w.remove(ctx, stack, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	alive, err := w.environments(ctx, name, false)
	all, failed := w.environments(ctx, name, true)
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if len(alive) != 0 || len(all) != 1 || all[0].Status != ebtypes.EnvironmentStatusTerminated {
		return differs(
			"after the termination %d environments are listed, and %d if terminated ones are included",
			len(alive), len(all),
		)
	}
	body, err := w.applicationWith(ctx, name, "")
	if err != nil {
		return err
	}
	again, err := w.begin(ctx, w.creation("-again", body))
	if err != nil {
		return err
	}
	return w.reach(ctx, again, types.StackStatusCreateComplete)
}

func checkEnvironmentTags(ctx context.Context, w *World) error {
	name := w.environmentName("-tags")
	if _, err := w.environment(ctx, "", name); err != nil {
		return err
	}
	found, err := w.environments(ctx, name, false)
	if err != nil || len(found) != 1 {
		return orDiffers(err, "the environment is not listed")
	}
	in := &elasticbeanstalk.ListTagsForResourceInput{ResourceArn: found[0].EnvironmentArn}
	out, err := w.beanstalk.ListTagsForResource(ctx, in)
	if err := wantAccepted("ListTagsForResource", err); err != nil {
		return err
	}
	tagged := false
	for _, tag := range out.ResourceTags {
		tagged = tagged || w.mine(aws.ToString(tag.Key), aws.ToString(tag.Value))
		if strings.HasPrefix(aws.ToString(tag.Key), "aws:cloudformation:") {
			return differs("the environment has the tag %s", aws.ToString(tag.Key))
		}
	}
	if !tagged {
		return differs("the environment does not have its stack's tags")
	}
	return nil
}

func checkNameIsNoTag(ctx context.Context, w *World) error {
	name := w.environmentName("-as-tag")
	body, err := w.applicationWith(ctx, name, "Tags: [{Key: name, Value: "+name+"}], ")
	if err != nil {
		return err
	}
	id, err := w.begin(ctx, w.creation("", body))
	if err != nil {
		return err
	}
	if err := w.reach(ctx, id, types.StackStatusRollbackComplete); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, id); !strings.HasPrefix(reason, "Environment: ") {
		return differs("the first failure is %q", reason)
	}
	return nil
}
