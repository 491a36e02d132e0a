package stack

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/cfn/custom"
)

// templateSays is what a stack's template says of its end, by logical id.
type templateSays struct {
	// kept are the resources that outlive the stack: a custom template may say so.
	kept map[string]custom.Kept
	// deletes are the resources of which the template says that they are deleted with the stack.
	deletes map[string]bool
	// deletesLogs are the Beanstalk environments whose log groups are deleted with them.
	deletesLogs map[string]bool
}

func (r *Reader) templateSays(ctx context.Context, stackID string) (*templateSays, error) {
	out, err := r.cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &stackID})
	if awserr.UnknownStack(err) {
		return &templateSays{}, nil
	}
	if err != nil {
		return nil, awserr.Wrap(err, "read template of stack %s", stackID)
	}
	body := []byte(aws.ToString(out.TemplateBody))
	return &templateSays{custom.KeptBy(body), custom.DeletedBy(body), custom.DeletesLogs(body)}, nil
}

// Wish is what a stack's template says of the deletion of a resource. The smaller one keeps more.
type Wish int

const (
	// WishUnknown: neither the template nor the events of the stack name the resource. Nothing of
	// it is deleted.
	WishUnknown Wish = iota
	// WishKeep: the resource outlives the stack.
	WishKeep
	// WishSnapshot: a snapshot of it does. That is also taken of a database whose template does not
	// say `DeletionPolicy: Delete`, or is gone because an update has dropped the database.
	WishSnapshot
	// WishDelete: nothing of it stays.
	WishDelete
)

// DeletionWishes are what the last template of a stack says, and for what updates took out of the
// template the events, by physical id.
func (r *Reader) DeletionWishes(ctx context.Context, stackID string) (map[string]Wish, error) {
	said, err := r.templateSays(ctx, stackID)
	if err != nil {
		return nil, err
	}
	dropped, err := r.DroppedByUpdates(ctx, stackID)
	if err != nil {
		return nil, err
	}
	wishes := map[string]Wish{}
	for _, event := range dropped {
		wishes[aws.ToString(event.PhysicalResourceId)] = WishOfDropped(event)
	}
	err = r.EachResource(ctx, stackID, func(resource types.StackResourceSummary) {
		wish := WishDelete
		kept, keeps := said.kept[aws.ToString(resource.LogicalResourceId)]
		switch {
		case keeps && kept.Policy != "Snapshot":
			wish = WishKeep
		case keeps, aws.ToString(resource.ResourceType) == "AWS::RDS::DBInstance" &&
			!said.deletes[aws.ToString(resource.LogicalResourceId)]:
			wish = WishSnapshot
		}
		id := aws.ToString(resource.PhysicalResourceId)
		if other, named := wishes[id]; named {
			wish = min(wish, other) // The attachment of a secret has the secret's id.
		}
		wishes[id] = wish
	})
	return wishes, err
}

// EachResource calls use with every resource that the stack names.
func (r *Reader) EachResource(ctx context.Context, stackID string, use func(types.StackResourceSummary)) error {
	pages := cloudformation.NewListStackResourcesPaginator(
		r.cfn,
		&cloudformation.ListStackResourcesInput{StackName: &stackID},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return awserr.Wrap(err, "list resources of stack %s", stackID)
		}
		for _, resource := range page.StackResourceSummaries {
			use(resource)
		}
	}
	return nil
}

// DroppedByUpdates are the last events of the resources that updates took out of the template, and
// that no event says are deleted. CloudFormation makes no event for what it does not try to delete,
// because something that it could not delete uses it. A resource whose events are too old to be
// told is not among them.
func (r *Reader) DroppedByUpdates(ctx context.Context, stackID string) (dropped []types.StackEvent, err error) {
	seen := map[[2]string]bool{} // By type and physical id: the attachment of a secret has the secret's id.
	err = r.EachResource(ctx, stackID, func(resource types.StackResourceSummary) {
		seen[[2]string{aws.ToString(resource.ResourceType), aws.ToString(resource.PhysicalResourceId)}] = true
	})
	if err != nil {
		return nil, err
	}
	events, err := r.Events(ctx, stackID)
	for _, event := range events { // Newest first.
		id := [2]string{aws.ToString(event.ResourceType), aws.ToString(event.PhysicalResourceId)}
		if id[1] == "" || seen[id] || IsStackEvent(event) {
			continue
		}
		seen[id] = true
		if event.ResourceStatus != types.ResourceStatusDeleteComplete {
			dropped = append(dropped, event)
		}
	}
	return dropped, err
}

// WishOfDropped is what the last event of a resource says that an update took out of the template.
func WishOfDropped(event types.StackEvent) Wish {
	switch {
	case event.ResourceStatus == types.ResourceStatusDeleteSkipped:
		return WishKeep
	case aws.ToString(event.ResourceType) == "AWS::RDS::DBInstance":
		return WishSnapshot
	}
	return WishDelete
}

// keepResource enters a resource that outlives its stack into the contents. It reports whether the
// resource itself stays: such a one is neither emptied nor expected to go.
func keepResource(c *perch.StackContents, resource types.StackResourceSummary, kept custom.Kept) bool {
	snapshot := kept.Policy == "Snapshot"
	c.Kept = append(
		c.Kept,
		perch.KeptResource{
			Type:     aws.ToString(resource.ResourceType),
			ID:       aws.ToString(resource.PhysicalResourceId),
			Snapshot: snapshot,
		},
	)
	return !snapshot
}

// DeployedTemplate is the template that the stack has now, as it was given to CloudFormation.
func (r *Reader) DeployedTemplate(ctx context.Context, stackID string) ([]byte, error) {
	out, err := r.cfn.GetTemplate(
		ctx,
		&cloudformation.GetTemplateInput{StackName: &stackID, TemplateStage: types.TemplateStageOriginal},
	)
	if err != nil {
		return nil, awserr.Wrap(err, "read the template of stack %s", stackID)
	}
	return []byte(aws.ToString(out.TemplateBody)), nil
}
