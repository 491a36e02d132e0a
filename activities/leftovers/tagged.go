package leftovers

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/bucket"
	"perch/activities/contract"
	"perch/activities/stack"
)

// taggedResource is a resource that the tagging API lists. It is only a candidate, because the API
// also lists deleted resources for some time. Only the resource's own service tells whether it
// exists.
type taggedResource struct {
	arn     string
	stackID string
	tags    map[string]string
}

// typesOfOrphans has the types that contents can name or that SweepResources deletes, by the
// service and the resource type in an ARN.
var typesOfOrphans = map[string]string{
	"s3:":                          "AWS::S3::Bucket",
	"rds:db":                       "AWS::RDS::DBInstance",
	"rds:cluster":                  "AWS::RDS::DBCluster",
	"rds:subgrp":                   "AWS::RDS::DBSubnetGroup",
	"ec2:security-group":           "AWS::EC2::SecurityGroup",
	"elasticbeanstalk:environment": "AWS::ElasticBeanstalk::Environment",
	"secretsmanager:secret":        "AWS::SecretsManager::Secret",
}

// orphan returns the resource with the id that its own service uses. Its type is empty if
// typesOfOrphans does not have it.
func (r taggedResource) orphan() contract.Orphan {
	parsed, err := arn.Parse(r.arn)
	if err != nil {
		return contract.Orphan{}
	}
	kind, name := splitResource(parsed.Resource)
	orphan := contract.Orphan{Type: typesOfOrphans[parsed.Service+":"+kind], PhysicalID: name, StackID: r.stackID}
	switch orphan.Type {
	case "AWS::ElasticBeanstalk::Environment":
		_, orphan.PhysicalID, _ = strings.Cut(name, "/") // The ARN has APPLICATION/ENVIRONMENT.
	case "AWS::SecretsManager::Secret":
		orphan.PhysicalID = r.arn
	}
	return orphan
}

// listed reports whether the contents name the resource, so that another check looks for it.
func (r taggedResource) listed(contents perch.StackContents) bool {
	return contents.Names(r.orphan().Type, r.orphan().PhysicalID)
}

// listTagged lists the resources that have all these tags.
func (v *Verifier) listTagged(ctx context.Context, tags map[string]string) (found []taggedResource, err error) {
	in := &resourcegroupstaggingapi.GetResourcesInput{}
	for _, tag := range stack.TagList(tags) {
		in.TagFilters = append(
			in.TagFilters, tagtypes.TagFilter{Key: tag.Key, Values: []string{aws.ToString(tag.Value)}},
		)
	}
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(v.tagging, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "look for tagged resources")
		}
		for _, resource := range page.ResourceTagMappingList {
			tags := map[string]string{}
			for _, tag := range resource.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			found = append(found, taggedResource{aws.ToString(resource.ResourceARN), tags[bucket.StackIDTag], tags})
		}
	}
	return found, nil
}

// candidates returns the resources of the branch's environments that the tagging API lists: those
// that have the id of the deleted stack, and those that have the tags of the project and the
// branch. The second search finds resources of earlier stacks. It also finds what Beanstalk
// created: Beanstalk creates a stack for each environment, so its resources have the id of that
// stack.
func (v *Verifier) candidates(ctx context.Context, in contract.VerifyInput) ([]taggedResource, error) {
	found, err := v.listTagged(
		ctx,
		map[string]string{
			perch.TagProject: in.Environment.Project, perch.TagBranch: perch.EncodeTag(in.Environment.Branch),
		},
	)
	if err != nil || in.StackID == "" {
		return found, err
	}
	own, err := v.listTagged(ctx, map[string]string{bucket.StackIDTag: in.StackID})
	for _, r := range own {
		if !slices.ContainsFunc(found, func(other taggedResource) bool { return other.arn == r.arn }) {
			found = append(found, r)
		}
	}
	return found, err
}

// survivor is a candidate that still exists, or may exist.
type survivor struct {
	taggedResource
	// confirmed means that its own service, or CloudFormation, says that it exists. Otherwise Perch
	// could ask neither.
	confirmed bool
	// earlier means that another stack than the deleted one created it.
	earlier bool
	// untold means that Perch cannot find out whether the stack's template kept it, so it is
	// reported but never deleted.
	untold bool
}

func (s survivor) String() string {
	name := s.arn
	switch orphan := s.orphan(); orphan.Type {
	case "AWS::S3::Bucket":
		name = "bucket " + orphan.PhysicalID
	case "AWS::RDS::DBInstance":
		name = "database " + orphan.PhysicalID
	}
	if s.earlier && s.stackID != "" {
		return name + " of the deleted stack " + s.stackID
	}
	return s.arn
}

// survivors returns the candidates that their own services confirm, and those that no service can
// confirm.
func (v *Verifier) survivors(ctx context.Context, in contract.VerifyInput) (left []survivor, err error) {
	wanted, err := v.wantedSnapshots(ctx, in.Contents)
	if err != nil {
		return nil, err
	}
	found, err := v.candidates(ctx, in)
	if err != nil {
		return nil, err
	}
	s := &tagSurvey{v: v, in: in, lives: map[string]stackLife{}, fates: map[string]map[string]types.ResourceStatus{}}
	for _, r := range found {
		if in.Contents.Keeps(r.arn) || slices.Contains(wanted, r.arn) || strings.Contains(r.arn, finalSnapshotMark) {
			continue
		}
		survives, is, err := s.look(ctx, r)
		if err != nil {
			return nil, err
		}
		if is {
			left = append(left, survives)
		}
	}
	return left, nil
}

// tagged returns the survivors that no other check looks for, and those that Perch cannot confirm.
func (v *Verifier) tagged(ctx context.Context, in contract.VerifyInput) (seen FoundLeftovers, err error) {
	found, err := v.survivors(ctx, in)
	for _, s := range found {
		switch {
		case s.listed(in.Contents):
		case s.confirmed:
			seen.Left = append(seen.Left, s.String())
		default:
			seen.Unconfirmed = append(seen.Unconfirmed, s.String())
		}
	}
	return seen, err
}

// orphans returns what the branch's deleted stacks left behind and Perch can delete. If an update
// removes a bucket with objects from the template, the bucket stays, and a forced removal leaves
// what CloudFormation could not delete. After that, no stack names these resources. Resources that
// the stack named until its deletion are not among them, because the removal has already tried to
// delete those.
func (v *Verifier) orphans(
	ctx context.Context, in contract.VerifyInput, named perch.StackContents, past pastRemovals,
) (orphans []contract.Orphan, err error) {
	found, err := v.survivors(ctx, in)
	if err != nil {
		return nil, err
	}
	deleted, err := v.isDeleted(ctx, in.StackID)
	if err != nil {
		return nil, err
	}
	policies := map[string]map[string]stack.DeletionPolicy{}
	for _, s := range found {
		orphan := s.orphan()
		if orphan.StackID == "" {
			orphan.StackID = past.stackOf(orphan) // Beanstalk environments do not have the stack's id.
		}
		if !slices.Contains(sweepOrder, orphan.Type) || orphan.StackID == "" || !s.confirmed || s.untold ||
			!s.earlier && !deleted || named.Names(orphan.Type, orphan.PhysicalID) ||
			s.tags[TagEnvironmentID] != "" && orphan.Type != "AWS::ElasticBeanstalk::Environment" {
			continue
		}
		if policies[orphan.StackID] == nil {
			if policies[orphan.StackID], err = v.Stacks.DeletionPolicies(ctx, orphan.StackID); err != nil {
				return nil, err
			}
		}
		if policies[orphan.StackID][orphan.PhysicalID].DeletesResource() {
			orphans = append(orphans, orphan)
		}
	}
	return orphans, nil
}

// isDeleted reports whether the stack is deleted. A stack that CloudFormation no longer knows
// counts as deleted.
func (v *Verifier) isDeleted(ctx context.Context, stackID string) (bool, error) {
	if stackID == "" {
		return true, nil
	}
	described, found, err := v.Stacks.Describe(ctx, stackID)
	return err == nil && (!found || described.StackStatus == stack.Deleted), err
}
