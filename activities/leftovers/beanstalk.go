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

// terminateEnvironment ends a Beanstalk environment that the stack has left behind. Beanstalk's
// environments carry no tag with the stack's id, so the branch's tags decide, and that no later
// stack of the branch exists whose environment it may be.
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

// sameBranch reports whether an environment has the tags by which Perch knows the stack.
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
