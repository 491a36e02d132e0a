package leftovers

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch"
	"perch/activities/stack"
)

// terminateEnvironment terminates a Beanstalk environment that the stack left behind. Beanstalk
// environments do not have the stack's id as a tag. So the branch's tags decide, and the branch
// must have no newer stack that the environment may belong to.
func (v *Verifier) terminateEnvironment(ctx context.Context, stackID, name string) error {
	out, err := v.beanstalk.DescribeEnvironments(
		ctx,
		&elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: []string{name}, IncludeDeleted: aws.Bool(false)},
	)
	if err != nil || len(out.Environments) != 1 {
		return err
	}
	environment := out.Environments[0]
	stack, found, err := v.Stacks.Describe(ctx, stackID)
	if err != nil || !found {
		return err
	}
	later, found, err := v.Stacks.Describe(ctx, aws.ToString(stack.StackName))
	if err != nil || found && aws.ToString(later.StackId) != stackID {
		return err
	}
	tags, err := v.beanstalk.ListTagsForResource(
		ctx,
		&elasticbeanstalk.ListTagsForResourceInput{ResourceArn: environment.EnvironmentArn},
	)
	if err != nil || !sameBranch(stack, tags.ResourceTags) {
		return err
	}
	_, err = v.beanstalk.TerminateEnvironment(
		ctx,
		&elasticbeanstalk.TerminateEnvironmentInput{EnvironmentId: environment.EnvironmentId},
	)
	return err
}

// sameBranch reports whether an environment has the same tags as the stack, as far as Perch knows
// stacks by them.
func sameBranch(described types.Stack, list []ebtypes.Tag) bool {
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	for _, key := range []string{perch.TagProject, perch.TagRepository, perch.TagBranch} {
		if value := stack.Tags(described)[key]; value == "" || tags[key] != value {
			return false
		}
	}
	return true
}
