package activities

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch/activities/awserr"
	"perch/cfn/own"
)

// templateSays is what a stack's template says of its end, by logical id.
type templateSays struct {
	// kept are the resources that outlive the stack: a custom template may say so.
	kept map[string]own.Kept
	// deletesLogs are the Beanstalk environments whose log groups are deleted with them.
	deletesLogs map[string]bool
}

func (s *Stacks) templateSays(ctx context.Context, stackID string) (*templateSays, error) {
	out, err := s.cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &stackID})
	if awserr.UnknownStack(err) {
		return &templateSays{}, nil
	}
	if err != nil {
		return nil, awserr.Wrap(err, "read template of stack %s", stackID)
	}
	body := []byte(aws.ToString(out.TemplateBody))
	return &templateSays{own.KeptBy(body), own.DeletesLogs(body)}, nil
}

// keptResources are the physical ids of what the stack's template keeps, or wants a snapshot of, and of what updates
// of the stack have left because their template said so. Nothing of it is emptied or deleted, also not after the stack.
func (s *Stacks) keptResources(ctx context.Context, stackID string) (map[string]bool, error) {
	said, err := s.templateSays(ctx, stackID)
	if err != nil {
		return nil, err
	}
	var dropped Contents
	if err := s.addOrphans(ctx, stackID, &dropped); err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, k := range dropped.Kept {
		ids[k.ID] = true
	}
	pages := cloudformation.NewListStackResourcesPaginator(s.cfn, &cloudformation.ListStackResourcesInput{StackName: &stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "list resources of stack %s", stackID)
		}
		for _, r := range page.StackResourceSummaries {
			if _, keeps := said.kept[aws.ToString(r.LogicalResourceId)]; keeps {
				ids[aws.ToString(r.PhysicalResourceId)] = true
			}
		}
	}
	return ids, nil
}

// keepResource enters a resource that outlives its stack into the contents. It reports whether the resource itself stays: such a one is neither emptied
// nor expected to go.
func keepResource(c *Contents, r types.StackResourceSummary, kept own.Kept) bool {
	snapshot := kept.Policy == "Snapshot"
	c.Kept = append(c.Kept, Kept{Type: aws.ToString(r.ResourceType), ID: aws.ToString(r.PhysicalResourceId), Snapshot: snapshot})
	return !snapshot
}
