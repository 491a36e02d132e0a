package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// rounds is how often removeStacks tries to delete all stacks. One round may not be enough, because
// a stack cannot be deleted while another stack imports its exports.
const rounds = 3

// cleanUp deletes the stacks that the check created, newest first.
func (w *World) cleanUp(ctx context.Context) error {
	slices.Reverse(w.created)
	return w.removeStacks(ctx, w.created)
}

// removeStacks deletes stacks, in several rounds if necessary.
func (w *World) removeStacks(ctx context.Context, ids []string) error {
	var failed error
	for range rounds {
		failed = nil
		for _, id := range ids {
			failed = errors.Join(failed, w.removeStack(ctx, id))
		}
		if failed == nil {
			return nil
		}
	}
	return failed
}

// removeStack deletes a stack in any status, with the content of its buckets.
func (w *World) removeStack(ctx context.Context, id string) error {
	stack, err := w.describeStack(ctx, id)
	if err == nil && stack.StackStatus != types.StackStatusCreateInProgress {
		stack, err = w.waitForEnd(ctx, id) // DeleteStack can interrupt only a creation.
	}
	if isMissing(err) || stack.StackStatus == types.StackStatusDeleteComplete {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.unblockDeletion(ctx, stack); err != nil {
		return err
	}
	if _, err := w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id}); err != nil {
		return fmt.Errorf("delete stack %s: %w", id, err)
	}
	stack, err = w.waitForEnd(ctx, id)
	if isMissing(err) {
		return nil
	}
	if err == nil && stack.StackStatus != types.StackStatusDeleteComplete {
		err = fmt.Errorf("delete stack %s: it is %s: %s", id, stack.StackStatus, aws.ToString(stack.StackStatusReason))
	}
	return err
}

// unblockDeletion removes everything that would block the deletion of a stack: the termination
// protection, the objects in its buckets, and the deletion protection of its databases.
func (w *World) unblockDeletion(ctx context.Context, stack types.Stack) error {
	if aws.ToBool(stack.EnableTerminationProtection) {
		in := &cloudformation.UpdateTerminationProtectionInput{StackName: stack.StackId,
			EnableTerminationProtection: aws.Bool(false)}
		if _, err := w.stacks.UpdateTerminationProtection(ctx, in); err != nil {
			return fmt.Errorf("disable the termination protection of stack %s: %w", *stack.StackId, err)
		}
	}
	out, err := w.stacks.DescribeStackResources(
		ctx, &cloudformation.DescribeStackResourcesInput{StackName: stack.StackId},
	)
	if err != nil {
		return fmt.Errorf("describe resources of stack %s: %w", *stack.StackId, err)
	}
	for _, r := range out.StackResources {
		physical := aws.ToString(r.PhysicalResourceId)
		if physical == "" || r.ResourceStatus == types.ResourceStatusDeleteComplete {
			continue
		}
		switch aws.ToString(r.ResourceType) {
		case "AWS::S3::Bucket":
			err = errors.Join(err, w.emptyBucket(ctx, physical))
		case "AWS::RDS::DBInstance":
			err = errors.Join(err, w.disableProtection(ctx, physical))
		}
	}
	return err
}

// disableProtection disables the deletion protection of a database.
func (w *World) disableProtection(ctx context.Context, name string) error {
	out, err := w.databases.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name})
	if hasCode(err, "DBInstanceNotFound") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("describe database %s: %w", name, err)
	}
	if len(out.DBInstances) != 1 || !aws.ToBool(out.DBInstances[0].DeletionProtection) {
		return nil
	}
	_, err = w.databases.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &name, DeletionProtection: aws.Bool(false), ApplyImmediately: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("disable the deletion protection of database %s: %w", name, err)
	}
	return nil
}

// maxPages limits how many pages of versions emptyBucket deletes. No check writes more.
const maxPages = 20

// emptyBucket deletes a bucket's policy, and every version and delete marker in the bucket.
func (w *World) emptyBucket(ctx context.Context, bucket string) error {
	_, err := w.storage.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket})
	if hasCode(err, "NoSuchBucket") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete the policy of bucket %s: %w", bucket, err)
	}
	in := &s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: s3types.EncodingTypeUrl}
	for range maxPages {
		page, err := w.storage.ListObjectVersions(ctx, in)
		if err != nil {
			return fmt.Errorf("list versions of bucket %s: %w", bucket, err)
		}
		all := identifiers(page)
		if len(all) == 0 {
			return nil
		}
		plain, err := w.deleteControlKeys(ctx, bucket, all)
		if err != nil {
			return err
		}
		if err := w.deleteVersions(ctx, bucket, plain); err != nil {
			return err
		}
	}
	return fmt.Errorf("bucket %s still has versions after %d pages were deleted", bucket, maxPages)
}

// identifiers returns the versions and delete markers on a page.
func identifiers(page *s3.ListObjectVersionsOutput) []s3types.ObjectIdentifier {
	var all []s3types.ObjectIdentifier
	for _, v := range page.Versions {
		all = append(all, s3types.ObjectIdentifier{Key: decodeKey(v.Key, page.EncodingType), VersionId: v.VersionId})
	}
	for _, m := range page.DeleteMarkers {
		all = append(all, s3types.ObjectIdentifier{Key: decodeKey(m.Key, page.EncodingType), VersionId: m.VersionId})
	}
	return all
}

func (w *World) deleteVersions(ctx context.Context, bucket string, ids []s3types.ObjectIdentifier) error {
	if len(ids) == 0 {
		return nil
	}
	out, err := w.storage.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket,
		Delete: &s3types.Delete{Objects: ids}})
	if err == nil && len(out.Errors) > 0 {
		first := out.Errors[0]
		err = fmt.Errorf("%s: %s: %s", aws.ToString(first.Key), aws.ToString(first.Code), aws.ToString(first.Message))
	}
	if err != nil {
		return fmt.Errorf("empty bucket %s: %w", bucket, err)
	}
	return nil
}
