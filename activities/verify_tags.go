package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
)

// Orphan is a bucket that carries the id of a deleted stack and that no stack names any more.
type Orphan struct {
	Bucket string `json:"bucket"`
	// StackID is the stack that made it.
	StackID string `json:"stack_id"`
}

// taggedResource is a resource that the tagging API lists. The API lists deleted ones, too, for some time.
type taggedResource struct{ arn, stackID string }

// named is the resource as its own service knows it: a bucket's name, or a database's identifier. Only these
// two kinds outlive a stack with somebody's data in them.
func (r taggedResource) named() (bucket, database string) {
	parsed, err := arn.Parse(r.arn)
	if err != nil || r.stackID == "" {
		return "", ""
	}
	switch name, isDatabase := strings.CutPrefix(parsed.Resource, "db:"); {
	case parsed.Service == "s3" && !strings.Contains(parsed.Resource, "/"):
		return parsed.Resource, ""
	case parsed.Service == "rds" && isDatabase:
		return "", name
	}
	return "", ""
}

func (r taggedResource) String() string {
	bucket, database := r.named()
	if bucket != "" {
		return fmt.Sprintf("bucket %s of the deleted stack %s", bucket, r.stackID)
	}
	return fmt.Sprintf("database %s of the deleted stack %s", database, r.stackID)
}

// carrying lists what carries these tags.
func (v *Verification) carrying(ctx context.Context, tags map[string]string) (found []taggedResource, err error) {
	in := &resourcegroupstaggingapi.GetResourcesInput{}
	for _, tag := range tagList(tags) {
		in.TagFilters = append(in.TagFilters, tagtypes.TagFilter{Key: tag.Key, Values: []string{aws.ToString(tag.Value)}})
	}
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(v.tagging, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awsFailure(err, "look for tagged resources")
		}
		for _, resource := range page.ResourceTagMappingList {
			found = append(found, taggedResource{aws.ToString(resource.ResourceARN), stackIDTag(resource.Tags)})
		}
	}
	return found, nil
}

func stackIDTag(tags []tagtypes.Tag) string {
	for _, tag := range tags {
		if aws.ToString(tag.Key) == tagStackID {
			return aws.ToString(tag.Value)
		}
	}
	return ""
}

// tagged finds what still carries the id of the deleted stack. A stack and a Beanstalk environment that are
// deleted stay listed for some time, and the other checks have looked at them. Of earlier stacks of the
// branch it finds what Perch could have deleted.
func (v *Verification) tagged(ctx context.Context, in VerifyInput) (left []string, err error) {
	wanted, err := v.wantedSnapshots(ctx, in.Contents)
	if err != nil {
		return nil, err
	}
	if in.StackID != "" {
		found, err := v.carrying(ctx, map[string]string{tagStackID: in.StackID})
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			if !lingers(r.arn) && !in.Contents.keeps(r.arn) && !slices.Contains(wanted, r.arn) {
				left = append(left, r.arn)
			}
		}
	}
	earlier, unknown, err := v.earlier(ctx, in)
	for _, r := range append(earlier, unknown...) {
		if bucket, database := r.named(); !slices.Contains(in.Contents.Buckets, bucket) && !slices.Contains(in.Contents.Databases, database) {
			left = append(left, r.String())
		}
	}
	return left, err
}

func lingers(arn string) bool {
	return strings.Contains(arn, ":cloudformation:") || strings.Contains(arn, ":elasticbeanstalk:")
}

// orphans are the buckets that the branch's deleted stacks have left behind: an update that drops a bucket
// with objects from the template leaves the bucket, and from then on no stack names it. The buckets that the
// stack named to the end had their turn. A database stays for a person to decide: its template may have
// wanted a snapshot first.
func (v *Verification) orphans(ctx context.Context, in VerifyInput, named []string) (orphans []Orphan, err error) {
	found, _, err := v.earlier(ctx, in)
	if err != nil {
		return nil, err
	}
	mine, err := v.dropped(ctx, in.StackID)
	if err != nil {
		return nil, err
	}
	for _, r := range append(found, mine...) {
		bucket, _ := r.named()
		if bucket == "" || in.Contents.keeps(r.arn) || slices.Contains(named, bucket) {
			continue
		}
		there, err := v.exists(ctx, r)
		if err != nil {
			return nil, err
		}
		if there {
			orphans = append(orphans, Orphan{Bucket: bucket, StackID: r.stackID})
		}
	}
	return orphans, nil
}

// dropped is what carries the id of the stack, once that is deleted.
func (v *Verification) dropped(ctx context.Context, stackID string) ([]taggedResource, error) {
	if stackID == "" {
		return nil, nil
	}
	if stack, found, err := v.stacks.describe(ctx, stackID); err != nil || found && stack.StackStatus != deleted {
		return nil, err
	}
	return v.carrying(ctx, map[string]string{tagStackID: stackID})
}

// earlier are the buckets and databases of the branch's other stacks that are deleted. unknown are those of
// stacks that CloudFormation no longer knows, 90 days after their deletion: what their templates wanted to
// keep cannot be told, so they are reported and never deleted.
func (v *Verification) earlier(ctx context.Context, in VerifyInput) (left, unknown []taggedResource, err error) {
	listed, err := v.carrying(ctx, map[string]string{perch.TagProject: in.Project, perch.TagBranch: perch.EncodeTag(in.Branch)})
	if err != nil {
		return nil, nil, err
	}
	lives := map[string]stackLife{}
	for _, r := range listed {
		if bucket, database := r.named(); bucket+database == "" || r.stackID == in.StackID {
			continue
		}
		life, looked := lives[r.stackID]
		if !looked {
			if life, err = v.life(ctx, r.stackID); err != nil {
				return nil, nil, err
			}
			lives[r.stackID] = life
		}
		if life.exists || life.contents.keeps(r.arn) {
			continue
		}
		there, err := v.exists(ctx, r)
		switch {
		case err != nil:
			return nil, nil, err
		case there && life.unknown:
			unknown = append(unknown, r)
		case there:
			left = append(left, r)
		}
	}
	return left, unknown, nil
}

// stackLife is what is known of a stack that made a resource.
type stackLife struct {
	// exists says that the stack is not deleted, and unknown that CloudFormation does not know it, or
	// that it was another repository's: what is left of it is reported and never deleted.
	exists, unknown bool
	// contents hold what a deleted stack's template kept.
	contents Contents
}

func (v *Verification) life(ctx context.Context, stackID string) (life stackLife, err error) {
	stack, found, err := v.stacks.describe(ctx, stackID)
	switch {
	case err != nil:
		return life, err
	case !found:
		return stackLife{unknown: true}, nil
	case stack.StackStatus != deleted:
		return stackLife{exists: true}, nil
	case !v.stacks.owner.current(ctx).Owns(stackTags(stack)):
		return stackLife{unknown: true}, nil
	}
	if life.contents, err = v.stacks.stackContents(ctx, StackInput{StackID: stackID}); err == nil {
		err = v.stacks.addOrphans(ctx, stackID, &life.contents)
	}
	return life, err
}

// exists asks the resource's own service.
func (v *Verification) exists(ctx context.Context, r taggedResource) (bool, error) {
	bucket, database := r.named()
	if bucket != "" {
		_, err := v.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
		if missing(err, "NotFound", "NoSuchBucket") {
			return false, nil
		}
		return err == nil, awsFailure(err, "look for bucket %s", bucket)
	}
	out, err := v.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &database})
	if missing(err, "DBInstanceNotFound", "DBInstanceNotFoundFault") {
		return false, nil
	}
	return err == nil && len(out.DBInstances) > 0, awsFailure(err, "look for database %s", database)
}
