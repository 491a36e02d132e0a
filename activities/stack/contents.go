package stack

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
)

// Contents lists what the stack holds, including its nested stacks.
func (r *Reader) Contents(ctx context.Context, in contract.StackInput) (perch.StackContents, error) {
	var contents perch.StackContents
	err := r.collect(ctx, in.StackID, &contents)
	return contents, err
}

func (r *Reader) collect(ctx context.Context, stackID string, into *perch.StackContents) error {
	var said *templateSays
	pages := cloudformation.NewListStackResourcesPaginator(
		r.cfn,
		&cloudformation.ListStackResourcesInput{StackName: &stackID},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awserr.UnknownStack(err) {
			return nil
		}
		if err != nil {
			return awserr.Wrap(err, "list resources of stack %s", stackID)
		}
		if said == nil && len(page.StackResourceSummaries) > 0 {
			if said, err = r.templateSays(ctx, stackID); err != nil {
				return err
			}
		}
		for _, resource := range page.StackResourceSummaries {
			if err := r.sortResource(ctx, resource, said, into); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reader) sortResource(
	ctx context.Context,
	resource types.StackResourceSummary,
	said *templateSays,
	into *perch.StackContents,
) error {
	id := aws.ToString(resource.PhysicalResourceId)
	policy, keeps := said.kept[aws.ToString(resource.LogicalResourceId)]
	switch {
	case id == "":
		return nil
	case resource.ResourceStatus == types.ResourceStatusDeleteComplete ||
		resource.ResourceStatus == types.ResourceStatusDeleteSkipped:
		if keeps && policy.Left(string(resource.ResourceStatus)) {
			// An earlier deletion kept the resource and then failed. The resource is not a leftover
			// of the next deletion.
			keepResource(into, resource, policy)
		}
		return nil
	}
	into.Resources++
	if keeps && keepResource(into, resource, policy) {
		return nil
	}
	switch aws.ToString(resource.ResourceType) {
	case "AWS::S3::Bucket":
		into.Buckets = append(into.Buckets, id)
	case "AWS::RDS::DBInstance":
		into.Databases = append(into.Databases, id)
	case "AWS::RDS::DBCluster":
		into.Clusters = append(into.Clusters, id)
	case "AWS::ElasticBeanstalk::Environment":
		into.Environments = append(into.Environments, id)
		if said.deletesLogs[aws.ToString(resource.LogicalResourceId)] {
			into.Logs = append(into.Logs, "/aws/elasticbeanstalk/"+id+"/")
		}
	case "AWS::Route53::RecordSet":
		into.Records = append(into.Records, id)
	case "AWS::CloudFormation::Stack":
		return r.collect(ctx, id, into)
	}
	return nil
}

// Resources lists the stack's resources in the form that people see.
func (r *Reader) Resources(ctx context.Context, stackID string) ([]perch.ResourceStatus, error) {
	resources := []perch.ResourceStatus{}
	pages := cloudformation.NewListStackResourcesPaginator(
		r.cfn,
		&cloudformation.ListStackResourcesInput{StackName: &stackID},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "list resources of stack %s", stackID)
		}
		for _, one := range page.StackResourceSummaries {
			resources = append(
				resources,
				perch.ResourceStatus{
					Type:      aws.ToString(one.ResourceType),
					LogicalID: aws.ToString(one.LogicalResourceId),
					Status:    string(one.ResourceStatus),
				},
			)
		}
	}
	return resources, nil
}
