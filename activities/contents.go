package activities

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch/activities/awserr"
	"perch/activities/contract"
)

// stackContents lists what the stack holds, nested stacks included.
func (s *Stacks) stackContents(ctx context.Context, in contract.StackInput) (contract.Contents, error) {
	var contents contract.Contents
	err := s.collect(ctx, in.StackID, &contents)
	return contents, err
}

func (s *Stacks) collect(ctx context.Context, stackID string, into *contract.Contents) error {
	var said *templateSays
	pages := cloudformation.NewListStackResourcesPaginator(s.cfn, &cloudformation.ListStackResourcesInput{StackName: &stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if awserr.UnknownStack(err) {
			return nil
		}
		if err != nil {
			return awserr.Wrap(err, "list resources of stack %s", stackID)
		}
		if said == nil && len(page.StackResourceSummaries) > 0 {
			if said, err = s.templateSays(ctx, stackID); err != nil {
				return err
			}
		}
		for _, r := range page.StackResourceSummaries {
			if err := s.sort(ctx, r, said, into); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Stacks) sort(ctx context.Context, r types.StackResourceSummary, said *templateSays, into *contract.Contents) error {
	id := aws.ToString(r.PhysicalResourceId)
	policy, keeps := said.kept[aws.ToString(r.LogicalResourceId)]
	switch {
	case id == "":
		return nil
	case r.ResourceStatus == types.ResourceStatusDeleteComplete || r.ResourceStatus == types.ResourceStatusDeleteSkipped:
		if keeps && policy.Left(string(r.ResourceStatus)) {
			keepResource(into, r, policy) // By a deletion that failed later: what it has kept is no leftover of the next one.
		}
		return nil
	}
	into.Resources++
	if keeps && keepResource(into, r, policy) {
		return nil
	}
	switch aws.ToString(r.ResourceType) {
	case "AWS::S3::Bucket":
		into.Buckets = append(into.Buckets, id)
	case "AWS::RDS::DBInstance":
		into.Databases = append(into.Databases, id)
	case "AWS::ElasticBeanstalk::Environment":
		into.Environments = append(into.Environments, id)
		if said.deletesLogs[aws.ToString(r.LogicalResourceId)] {
			into.Logs = append(into.Logs, "/aws/elasticbeanstalk/"+id+"/")
		}
	case "AWS::Route53::RecordSet":
		into.Records = append(into.Records, id)
	case "AWS::CloudFormation::Stack":
		return s.collect(ctx, id, into)
	}
	return nil
}
