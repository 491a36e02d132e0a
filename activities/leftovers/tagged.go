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

// taggedResource is a resource that the tagging API lists. It is a candidate: the API lists deleted
// ones, too, for some time, and only the resource's own service tells whether it is there.
type taggedResource struct {
	arn     string
	stackID string
	tags    map[string]string
}

// typesOfOrphans are the types that the contents name or SweepResources deletes, by the service and
// the type in an ARN.
var typesOfOrphans = map[string]string{
	"s3:":                          "AWS::S3::Bucket",
	"rds:db":                       "AWS::RDS::DBInstance",
	"rds:cluster":                  "AWS::RDS::DBCluster",
	"rds:subgrp":                   "AWS::RDS::DBSubnetGroup",
	"ec2:security-group":           "AWS::EC2::SecurityGroup",
	"elasticbeanstalk:environment": "AWS::ElasticBeanstalk::Environment",
	"secretsmanager:secret":        "AWS::SecretsManager::Secret",
}

// orphan is the resource as its own service knows it; its type is empty if it is none of these.
func (r taggedResource) orphan() contract.Orphan {
	parsed, err := arn.Parse(r.arn)
	if err != nil {
		return contract.Orphan{}
	}
	kind, name := splitResource(parsed.Resource)
	orphan := contract.Orphan{Type: typesOfOrphans[parsed.Service+":"+kind], PhysicalID: name, StackID: r.stackID}
	switch orphan.Type {
	case "AWS::ElasticBeanstalk::Environment":
		_, orphan.PhysicalID, _ = strings.Cut(name, "/") // The application comes before it.
	case "AWS::SecretsManager::Secret":
		orphan.PhysicalID = r.arn
	}
	return orphan
}

// listed reports whether the contents name the resource, so that another check looks for it.
func (r taggedResource) listed(contents perch.StackContents) bool {
	return contents.Names(r.orphan().Type, r.orphan().PhysicalID)
}

// carrying lists what carries these tags.
func (v *Verifier) carrying(ctx context.Context, tags map[string]string) (found []taggedResource, err error) {
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

// candidates are what the tagging API lists of the branch's environments: what carries the id of
// the deleted stack, and what carries the project's and the branch's tags. By the latter it finds
// earlier stacks' resources, and what Beanstalk made, which carries the id of another stack, which
// Beanstalk creates.
func (v *Verifier) candidates(ctx context.Context, in contract.VerifyInput) ([]taggedResource, error) {
	found, err := v.carrying(
		ctx,
		map[string]string{
			perch.TagProject: in.Environment.Project, perch.TagBranch: perch.EncodeTag(in.Environment.Branch),
		},
	)
	if err != nil || in.StackID == "" {
		return found, err
	}
	own, err := v.carrying(ctx, map[string]string{bucket.StackIDTag: in.StackID})
	for _, r := range own {
		if !slices.ContainsFunc(found, func(other taggedResource) bool { return other.arn == r.arn }) {
			found = append(found, r)
		}
	}
	return found, err
}

// survivor is a candidate that is not known to be gone.
type survivor struct {
	taggedResource
	// confirmed says that its own service, or CloudFormation, says that it is there. Otherwise no
	// service could be asked.
	confirmed bool
	// earlier says that another stack than the one that was deleted made it.
	earlier bool
	// untold says that what its stack's template wanted to keep cannot be told, so it is reported
	// and never deleted.
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

// survivors are the candidates that their own services confirm, and those that no service can
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

// tagged are the survivors that no other check looks for, and those that Perch cannot confirm.
func (v *Verifier) tagged(ctx context.Context, in contract.VerifyInput) (seen Sight, err error) {
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

// orphans are what the branch's deleted stacks have left behind and Perch can delete. An update
// that takes a bucket with objects out of the template leaves the bucket, and a removal by force
// leaves what CloudFormation could not delete; from then on no stack names it. What the stack named
// to the end had its turn.
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
	wishes := map[string]map[string]stack.Wish{}
	for _, s := range found {
		orphan := s.orphan()
		if orphan.StackID == "" {
			orphan.StackID = past.stackOf(orphan) // Beanstalk's environments do not carry it.
		}
		if !slices.Contains(sweepOrder, orphan.Type) || orphan.StackID == "" || !s.confirmed || s.untold ||
			!s.earlier && !deleted || named.Names(orphan.Type, orphan.PhysicalID) ||
			s.tags[TagEnvironmentID] != "" && orphan.Type != "AWS::ElasticBeanstalk::Environment" {
			continue
		}
		if wishes[orphan.StackID] == nil {
			if wishes[orphan.StackID], err = v.Stacks.DeletionWishes(ctx, orphan.StackID); err != nil {
				return nil, err
			}
		}
		if wish := wishes[orphan.StackID][orphan.PhysicalID]; wish == stack.WishDelete || wish == stack.WishSnapshot {
			orphans = append(orphans, orphan)
		}
	}
	return orphans, nil
}

// isDeleted reports whether the stack is deleted; one that CloudFormation no longer knows is.
func (v *Verifier) isDeleted(ctx context.Context, stackID string) (bool, error) {
	if stackID == "" {
		return true, nil
	}
	described, found, err := v.Stacks.Describe(ctx, stackID)
	return err == nil && (!found || described.StackStatus == stack.Deleted), err
}
