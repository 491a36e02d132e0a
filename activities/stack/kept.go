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

// templateSays is what a stack's template says about the deletion of resources, by logical id.
type templateSays struct {
	// kept are the resources that stay after the stack is deleted. Only custom templates have them.
	kept map[string]custom.Kept
	// deletes are the resources for which the template says that they are deleted with the stack.
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

// DeletionPolicy says what happens to a resource when its stack is deleted. It has the values of
// the DeletionPolicy attribute of templates, and one for resources that no template has. A smaller
// value keeps more.
type DeletionPolicy int

const (
	// DeletionPolicyUnknown means that neither the template nor the events of the stack name the
	// resource. Perch deletes nothing of it.
	DeletionPolicyUnknown DeletionPolicy = iota
	// DeletionPolicyRetain means that the resource stays.
	DeletionPolicyRetain
	// DeletionPolicySnapshot means that a snapshot of the resource stays. That also holds for a
	// database without `DeletionPolicy: Delete` in the template, and for one that an update removed
	// from the template.
	DeletionPolicySnapshot
	// DeletionPolicyDelete means that nothing of the resource stays.
	DeletionPolicyDelete
)

// DeletesResource reports whether the resource is deleted. A snapshot of it may stay.
func (p DeletionPolicy) DeletesResource() bool { return p >= DeletionPolicySnapshot }

// DeletionPolicies returns the policy of each resource of a stack, by physical id. The policies
// come from the stack's last template and, for resources that updates removed from the template,
// from its events.
func (r *Reader) DeletionPolicies(ctx context.Context, stackID string) (map[string]DeletionPolicy, error) {
	said, err := r.templateSays(ctx, stackID)
	if err != nil {
		return nil, err
	}
	dropped, err := r.DroppedByUpdates(ctx, stackID)
	if err != nil {
		return nil, err
	}
	policies := map[string]DeletionPolicy{}
	for _, event := range dropped {
		policies[aws.ToString(event.PhysicalResourceId)] = DeletionPolicyOfDropped(event)
	}
	err = r.EachResource(ctx, stackID, func(resource types.StackResourceSummary) {
		policy := DeletionPolicyDelete
		kept, keeps := said.kept[aws.ToString(resource.LogicalResourceId)]
		switch {
		case keeps && kept.Policy != "Snapshot":
			policy = DeletionPolicyRetain
		case keeps, aws.ToString(resource.ResourceType) == "AWS::RDS::DBInstance" &&
			!said.deletes[aws.ToString(resource.LogicalResourceId)]:
			policy = DeletionPolicySnapshot
		}
		id := aws.ToString(resource.PhysicalResourceId)
		if other, named := policies[id]; named {
			policy = min(policy, other) // A SecretTargetAttachment has the id of its secret.
		}
		policies[id] = policy
	})
	return policies, err
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

// DroppedByUpdates returns the last event of each resource that updates removed from the template
// and that may still exist, because no event says that it was deleted. If CloudFormation does not
// even try to delete a resource, because another one that it could not delete uses it, there is no
// event about that. A resource whose events are too old to be listed is missing.
func (r *Reader) DroppedByUpdates(ctx context.Context, stackID string) (dropped []types.StackEvent, err error) {
	seen := map[[2]string]bool{} // By type and physical id: a SecretTargetAttachment has the id of its secret.
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

// DeletionPolicyOfDropped returns the policy of a resource that an update removed from the
// template. event is the resource's last one.
func DeletionPolicyOfDropped(event types.StackEvent) DeletionPolicy {
	switch {
	case event.ResourceStatus == types.ResourceStatusDeleteSkipped:
		return DeletionPolicyRetain
	case aws.ToString(event.ResourceType) == "AWS::RDS::DBInstance":
		return DeletionPolicySnapshot
	}
	return DeletionPolicyDelete
}

// keepResource enters a resource that the template keeps into the contents. It reports whether the
// resource itself stays, and not only a snapshot. Such a resource must not be emptied, and
// verification does not expect that it is deleted.
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

// DeployedTemplate returns the stack's current template as CloudFormation received it.
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
