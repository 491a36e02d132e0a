package activities

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/bucket"
	"perch/activities/pulse"
	"perch/lifecycle"
)

// DiagnoseDeletion lists what CloudFormation failed to delete, and why.
func (s *Stacks) DiagnoseDeletion(ctx context.Context, in StackInput) (Remains, error) {
	if _, err := s.ownStack(ctx, in); err != nil {
		return Remains{}, err
	}
	var remains Remains
	pages := cloudformation.NewListStackResourcesPaginator(s.cfn, &cloudformation.ListStackResourcesInput{StackName: &in.StackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Remains{}, awserr.Wrap(err, "list resources of stack %s", in.StackID)
		}
		for _, r := range page.StackResourceSummaries {
			if r.ResourceStatus == types.ResourceStatusDeleteFailed {
				remains.Failures = append(remains.Failures, lifecycle.Failure{
					LogicalID: aws.ToString(r.LogicalResourceId), Type: aws.ToString(r.ResourceType),
					PhysicalID: aws.ToString(r.PhysicalResourceId), Reason: aws.ToString(r.ResourceStatusReason),
				})
			}
		}
	}
	return remains, nil
}

// SweepResources deletes what the stack was told to leave behind, as far as Perch knows how; VerifyGone sees
// what is still there. Buckets are emptied before. It rejects a stack that may return to service, and leaves
// alone what does not carry the stack's id and what the stack's template keeps. A database that could not be
// deleted because its snapshot cannot be made stays, too: it would be gone without one.
func (v *Verification) SweepResources(ctx context.Context, in SweepInput) error {
	_, stop := pulse.Start(ctx, perch.Progress{Status: "REMOVING", Since: time.Now().UTC()})
	defer stop()
	if err := v.stacks.requireDeletion(ctx, StackInput{Environment: in.Environment, StackID: in.StackID}); err != nil {
		return err
	}
	kept, err := v.stacks.keptResources(ctx, in.StackID)
	if err != nil {
		return err
	}
	var failure error
	for _, r := range in.Resources {
		if kept[r.PhysicalID] {
			continue
		}
		if err := v.sweep(ctx, in.StackID, r); err != nil && failure == nil {
			failure = awserr.Wrap(err, "remove %s %s", r.Type, r.PhysicalID) // A try after this one finds the others gone.
		}
	}
	return failure
}

// sweep deletes one resource of the stack. What is protected or denied stays, because no retry fixes that:
// the stack no longer names its resources, so VerifyGone has to come to look for all of them.
func (v *Verification) sweep(ctx context.Context, stackID string, r lifecycle.Failure) error {
	err := v.sweepOwn(ctx, stackID, r)
	if awserr.Denied(err) || awserr.Says(err, "InvalidParameterValue", "No Environment found") ||
		awserr.HasCode(err, "NoSuchBucket", "NoSuchTagSet", "BucketNotEmpty",
			"DBInstanceNotFound", "DBInstanceNotFoundFault", "InvalidDBInstanceState", "InvalidDBInstanceStateFault", "InvalidParameterCombination") {
		return nil
	}
	return err
}

// sweepOwn deletes a resource that is the stack's by its tags.
func (v *Verification) sweepOwn(ctx context.Context, stackID string, r lifecycle.Failure) error {
	switch r.Type {
	case "AWS::S3::Bucket":
		tags, err := v.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &r.PhysicalID})
		if err != nil || !carriesStack(tags.TagSet, stackID) {
			return err
		}
		_, err = v.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &r.PhysicalID})
		return err
	case "AWS::RDS::DBInstance":
		out, err := v.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &r.PhysicalID})
		if err != nil || len(out.DBInstances) != 1 || !carriesStackID(out.DBInstances[0].TagList, stackID) {
			return err
		}
		_, err = v.rds.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{
			DBInstanceIdentifier: &r.PhysicalID, SkipFinalSnapshot: aws.Bool(true), DeleteAutomatedBackups: aws.Bool(true),
		})
		return err
	case "AWS::ElasticBeanstalk::Environment":
		return v.terminate(ctx, stackID, r.PhysicalID)
	}
	return nil
}

// carriesStack reports whether a bucket's tags name the stack, and carriesStackID whether a database's do.
func carriesStack(tags []s3types.Tag, stackID string) bool {
	return slices.ContainsFunc(tags, func(t s3types.Tag) bool {
		return aws.ToString(t.Key) == bucket.StackIDTag && aws.ToString(t.Value) == stackID
	})
}

func carriesStackID(tags []rdstypes.Tag, stackID string) bool {
	return slices.ContainsFunc(tags, func(t rdstypes.Tag) bool {
		return aws.ToString(t.Key) == bucket.StackIDTag && aws.ToString(t.Value) == stackID
	})
}
