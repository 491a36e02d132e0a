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
var beanstalkAssumptions = []Assumption{
	{
		Name: "elasticbeanstalk/terminated-environments",
		Sentence: "DescribeEnvironments lists a terminated environment as Terminated, unless IncludeDeleted is " +
			"false. A new environment can use its name at once.",
		Source:   "https://github.com/aws/aws-dotnet-deploy/pull/599",
		ReliedOn: "activities/leftovers/verify.go", Cents: 2, Minutes: 25, check: checkTerminated,
	},
	{
		Name:     "elasticbeanstalk/tags-of-environments",
		Sentence: "An environment has its stack's tags, and no tag whose key begins with `aws:cloudformation:`.",
		Source:   "https://github.com/pulumi/pulumi-aws-native (registry schema: cloudFormationSystemTags false)",
		ReliedOn: "activities/stack/dropped.go", Cents: 1, Minutes: 15, check: checkEnvironmentTags,
	},
	{
		Name:     "elasticbeanstalk/name-as-a-tag",
		Sentence: "The creation of an environment fails if a tag has the environment's name as its value.",
		Source:   beanstalkGuide + "using-features.tagging.html", ReliedOn: "tags.go", Minutes: 5,
		check: checkNameAsTag,
	},
}

// environmentName returns the name of an environment of this check, which has at most 40
// characters.
func (w *World) environmentName(suffix string) string { return "perch-" + w.run + suffix }

// newestPlatformTemplate returns the same template as applicationTemplate, with the newest
// platform.
func (w *World) newestPlatformTemplate(ctx context.Context, name, lines string, options ...string) (string, error) {
	platform, err := w.platform(ctx)
	if err != nil {
		return "", err
	}
	return w.applicationTemplate("SolutionStackName: "+platform, name, lines, options...), nil
}

// applicationTemplate returns a template with an application and an environment of one instance,
// which runs Beanstalk's sample application. platform is the property that names the platform.
// lines has additional properties of the environment, and options has additional option settings.
func (w *World) applicationTemplate(platform, name, lines string, options ...string) string {
	single := option("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance")
	return template(environmentResources(platform, name, lines, append([]string{single}, options...))...)
}

// environmentResources returns the resources of an application and its environment. options sets
// the type of the environment.
func environmentResources(platform, name, lines string, options []string) []string {
	settings := append([]string{
		option("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "!Ref Profile"),
		// New accounts must use launch templates. This option makes Beanstalk use one.
		option("aws:autoscaling:launchconfiguration", "DisableIMDSv1", `"true"`),
		option("aws:ec2:instances", "InstanceTypes", "t3.micro"),
	}, options...)
	return []string{
		"Application: {Type: AWS::ElasticBeanstalk::Application}",
		"Role: {Type: AWS::IAM::Role, Properties: {" + trustService("ec2") +
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

// createEnvironment creates a stack with an application and an environment, and returns the stack's
// id.
func (w *World) createEnvironment(
	ctx context.Context, suffix, name string, options ...string,
) (stack string, err error) {
	body, err := w.newestPlatformTemplate(ctx, name, "", options...)
	if err != nil {
		return "", err
	}
	return w.createStack(ctx, suffix, body)
}

// environments returns the environments with the name, including terminated ones if deleted is
// true.
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
	stack, err := w.createEnvironment(ctx, "", name)
	if err != nil {
		return err
	}
	if err := w.deleteStack(ctx, stack, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	alive, err := w.environments(ctx, name, false)
	all, failed := w.environments(ctx, name, true)
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if len(alive) != 0 || len(all) != 1 || all[0].Status != ebtypes.EnvironmentStatusTerminated {
		return differencef(
			"after the termination, DescribeEnvironments lists %d environments, and %d with IncludeDeleted",
			len(alive), len(all),
		)
	}
	body, err := w.newestPlatformTemplate(ctx, name, "")
	if err != nil {
		return err
	}
	again, err := w.startCreate(ctx, w.createInput("-again", body))
	if err != nil {
		return err
	}
	return w.wantStatus(ctx, again, types.StackStatusCreateComplete)
}

func checkEnvironmentTags(ctx context.Context, w *World) error {
	name := w.environmentName("-tags")
	if _, err := w.createEnvironment(ctx, "", name); err != nil {
		return err
	}
	found, err := w.environments(ctx, name, false)
	if err != nil || len(found) != 1 {
		return errorOrDifference(err, "the environment is not listed")
	}
	in := &elasticbeanstalk.ListTagsForResourceInput{ResourceArn: found[0].EnvironmentArn}
	out, err := w.beanstalk.ListTagsForResource(ctx, in)
	if err := wantAccepted("ListTagsForResource", err); err != nil {
		return err
	}
	tagged := false
	for _, tag := range out.ResourceTags {
		tagged = tagged || w.isRunTag(aws.ToString(tag.Key), aws.ToString(tag.Value))
		if strings.HasPrefix(aws.ToString(tag.Key), "aws:cloudformation:") {
			return differencef("the environment has the tag %s", aws.ToString(tag.Key))
		}
	}
	if !tagged {
		return differencef("the environment does not have its stack's tags")
	}
	return nil
}

func checkNameAsTag(ctx context.Context, w *World) error {
	name := w.environmentName("-as-tag")
	body, err := w.newestPlatformTemplate(ctx, name, "Tags: [{Key: name, Value: "+name+"}], ")
	if err != nil {
		return err
	}
	id, err := w.startCreate(ctx, w.createInput("", body))
	if err != nil {
		return err
	}
	if err := w.wantStatus(ctx, id, types.StackStatusRollbackComplete); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, id); !strings.HasPrefix(reason, "Environment: ") {
		return differencef("the first failure is %q", reason)
	}
	return nil
}
