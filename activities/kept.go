package activities

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/stack"
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

// deletionWish is what a stack's template says of the deletion of a resource. The smaller one keeps more.
type deletionWish int

const (
	// wishUnknown: neither the template nor the events of the stack name the resource. Nothing of it is deleted.
	wishUnknown deletionWish = iota
	// wishKeep: the resource outlives the stack.
	wishKeep
	// wishSnapshot: a snapshot of it does. That is also taken of a database that an update took out of the template
	// and could not delete, because that template is gone.
	wishSnapshot
	// wishDelete: nothing of it stays.
	wishDelete
)

// deletionWishes are what the last template of a stack says, and for what updates took out of the template the events,
// by physical id.
func (s *Stacks) deletionWishes(ctx context.Context, stackID string) (map[string]deletionWish, error) {
	said, err := s.templateSays(ctx, stackID)
	if err != nil {
		return nil, err
	}
	dropped, err := s.droppedByUpdates(ctx, stackID)
	if err != nil {
		return nil, err
	}
	wishes := map[string]deletionWish{}
	for _, event := range dropped {
		wishes[aws.ToString(event.PhysicalResourceId)] = wishOfDropped(event)
	}
	err = s.eachResource(ctx, stackID, func(r types.StackResourceSummary) {
		wish := wishDelete
		if kept, keeps := said.kept[aws.ToString(r.LogicalResourceId)]; keeps && kept.Policy == "Snapshot" {
			wish = wishSnapshot
		} else if keeps {
			wish = wishKeep
		}
		id := aws.ToString(r.PhysicalResourceId)
		if other, named := wishes[id]; named {
			wish = min(wish, other) // The attachment of a secret has the secret's id.
		}
		wishes[id] = wish
	})
	return wishes, err
}

// eachResource calls use with every resource that the stack names.
func (s *Stacks) eachResource(ctx context.Context, stackID string, use func(types.StackResourceSummary)) error {
	pages := cloudformation.NewListStackResourcesPaginator(s.cfn, &cloudformation.ListStackResourcesInput{StackName: &stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return awserr.Wrap(err, "list resources of stack %s", stackID)
		}
		for _, r := range page.StackResourceSummaries {
			use(r)
		}
	}
	return nil
}

// droppedByUpdates are the last events of the resources that updates took out of the template, and that no event says
// are deleted. CloudFormation makes no event for what it does not try to delete, because something that it could not
// delete uses it. A resource whose events are too old to be told is not among them.
func (s *Stacks) droppedByUpdates(ctx context.Context, stackID string) (dropped []types.StackEvent, err error) {
	seen := map[[2]string]bool{} // By type and physical id: the attachment of a secret has the secret's id.
	err = s.eachResource(ctx, stackID, func(r types.StackResourceSummary) {
		seen[[2]string{aws.ToString(r.ResourceType), aws.ToString(r.PhysicalResourceId)}] = true
	})
	if err != nil {
		return nil, err
	}
	events, err := s.events(ctx, stackID)
	for _, event := range events { // Newest first.
		id := [2]string{aws.ToString(event.ResourceType), aws.ToString(event.PhysicalResourceId)}
		if id[1] == "" || seen[id] || stack.IsStackEvent(event) {
			continue
		}
		seen[id] = true
		if event.ResourceStatus != types.ResourceStatusDeleteComplete {
			dropped = append(dropped, event)
		}
	}
	return dropped, err
}

// wishOfDropped is what the last event of a resource says that an update took out of the template.
func wishOfDropped(event types.StackEvent) deletionWish {
	switch {
	case event.ResourceStatus == types.ResourceStatusDeleteSkipped:
		return wishKeep
	case aws.ToString(event.ResourceType) == "AWS::RDS::DBInstance":
		return wishSnapshot
	}
	return wishDelete
}

// keepResource enters a resource that outlives its stack into the contents. It reports whether the resource itself stays: such a one is neither emptied
// nor expected to go.
func keepResource(c *contract.Contents, r types.StackResourceSummary, kept own.Kept) bool {
	snapshot := kept.Policy == "Snapshot"
	c.Kept = append(c.Kept, contract.Kept{Type: aws.ToString(r.ResourceType), ID: aws.ToString(r.PhysicalResourceId), Snapshot: snapshot})
	return !snapshot
}
