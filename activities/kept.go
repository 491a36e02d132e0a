package activities

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch/activities/awserr"
	"perch/cfn/own"
)

// Kept is a resource that the deletion of its stack leaves behind, because its template says so.
type Kept struct {
	// Type and ID are the resource's type and physical id.
	Type string `json:"type"`
	ID   string `json:"id"`
	// Snapshot says that only a snapshot of it stays.
	Snapshot bool `json:"snapshot,omitempty"`
}

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

// keep enters a resource that outlives its stack into the contents. It reports whether the resource itself stays: such a one is neither emptied
// nor expected to go.
func (c *Contents) keep(r types.StackResourceSummary, kept own.Kept) bool {
	snapshot := kept.Policy == "Snapshot"
	c.Kept = append(c.Kept, Kept{Type: aws.ToString(r.ResourceType), ID: aws.ToString(r.PhysicalResourceId), Snapshot: snapshot})
	return !snapshot
}

// keepsSnapshot reports whether the template wants a final snapshot of a database.
func (c Contents) keepsSnapshot(database string) bool {
	return slices.ContainsFunc(c.Kept, func(k Kept) bool { return k.Snapshot && k.ID == database })
}

// keeps reports whether an ARN is of a resource that the template keeps.
func (c Contents) keeps(arn string) bool {
	return slices.ContainsFunc(c.Kept, func(k Kept) bool {
		if k.Snapshot {
			return strings.Contains(arn, "snapshot:") && strings.Contains(arn, k.ID)
		}
		return k.is(arn)
	})
}

// is reports whether an ARN is the resource's.
func (k Kept) is(arn string) bool {
	name := k.name()
	return arn == name || strings.HasSuffix(arn, ":"+name) || strings.HasSuffix(arn, "/"+name)
}

// name is the end of the resource's ARN, or all of it. The physical id of a queue is its address, and that of a parameter or a log group may
// begin with a slash that an ARN has only once.
func (k Kept) name() string {
	if strings.HasPrefix(k.ID, "https://") {
		return path.Base(k.ID)
	}
	return strings.TrimPrefix(k.ID, "/")
}

func (k Kept) String() string {
	if k.Snapshot {
		return fmt.Sprintf("a snapshot of %s %s", k.Type, k.ID)
	}
	return k.Type + " " + k.ID
}

// snapshotOfDatabase reports whether only a snapshot stays that RDS can be asked for by the database.
func (k Kept) snapshotOfDatabase() bool { return k.Snapshot && k.Type == "AWS::RDS::DBInstance" }
