package change

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/stack"
)

// lockedLooks is how many versions of a bucket with Object Lock are checked for a lock.
const lockedLooks = 200

// PrepareDeletion checks everything that can still make the deletion of the environment's stack
// fail, and records what the stack holds. It changes nothing in the environment. It does not check
// the service role: CloudFormation does that in DeleteStack, before it deletes anything. It also
// makes no checks if the deletion has begun or has failed.
func (c *Changer) PrepareDeletion(ctx context.Context, in contract.PrepareInput) (contract.PrepareResult, error) {
	_, stop := pulse.Start(ctx, perch.Progress{Status: "CHECKING", Since: time.Now().UTC()})
	defer stop()
	described, found, err := c.Stacks.Describe(ctx, in.StackID)
	if err != nil || !found {
		return contract.PrepareResult{}, err
	}
	state := c.Stacks.State(ctx, in.Environment, described)
	if !state.Ours {
		return contract.PrepareResult{}, awserr.Final(
			perch.ErrorInvalid,
			"stack %s is not the one of branch %q and was not changed",
			in.StackID,
			in.Environment.Branch,
		)
	}
	if err := c.Stacks.MayDelete(in.Environment, state); err != nil {
		return contract.PrepareResult{}, err
	}
	var prepared contract.PrepareResult
	if prepared.Contents, err = c.Stacks.Contents(ctx, contract.StackInput{StackID: in.StackID}); err != nil {
		return contract.PrepareResult{}, err
	}
	if prepared.Dropped, err = c.droppedOrphans(ctx, in.StackID); err != nil {
		return contract.PrepareResult{}, err
	}
	if status := string(described.StackStatus); status != stack.Deleting && status != "DELETE_FAILED" {
		if prepared.Obstacle, err = c.obstacle(ctx, described, prepared.Contents, in.Force); err != nil ||
			prepared.Obstacle != "" {
			return prepared, err
		}
	}
	return prepared, c.Removals.Begin(ctx, in.Environment, in.StackID, prepared.Contents)
}

// obstacle looks for anything that would make the deletion fail after CloudFormation has accepted
// it.
func (c *Changer) obstacle(
	ctx context.Context,
	stack types.Stack,
	contents perch.StackContents,
	force bool,
) (string, error) {
	sentence, err := c.importedBy(ctx, stack)
	if err != nil || sentence != "" || force {
		return sentence, err
	}
	if sentence, err = c.protectedDatabase(ctx, contents.Databases); err != nil || sentence != "" {
		return sentence, err
	}
	if sentence, err = c.protectedCluster(ctx, contents.Clusters); err != nil || sentence != "" {
		return sentence, err
	}
	for _, bucket := range contents.Buckets {
		if sentence, err = c.lockedBucket(ctx, bucket); err != nil || sentence != "" {
			return sentence, err
		}
	}
	return "", nil
}

// importedBy looks for a stack that imports one of the exports. CloudFormation would accept the
// deletion and then cancel it.
func (c *Changer) importedBy(ctx context.Context, stack types.Stack) (string, error) {
	for _, output := range stack.Outputs {
		if aws.ToString(output.ExportName) == "" {
			continue
		}
		out, err := c.cfn.ListImports(ctx, &cloudformation.ListImportsInput{ExportName: output.ExportName})
		if awserr.Says(err, "ValidationError", "is not imported by any stack") {
			continue
		}
		if err != nil {
			return "", awserr.Wrap(err, "list the stacks that import %s", aws.ToString(output.ExportName))
		}
		if len(out.Imports) > 0 {
			return fmt.Sprintf(
				"stack %s imports its export %s; remove that import first",
				out.Imports[0],
				aws.ToString(output.ExportName),
			), nil
		}
	}
	return "", nil
}

func (c *Changer) protectedDatabase(ctx context.Context, databases []string) (string, error) {
	for _, id := range databases {
		out, err := c.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
		if awserr.HasCode(err, "DBInstanceNotFound", "DBInstanceNotFoundFault") {
			continue
		}
		if err != nil {
			return "", awserr.Wrap(err, "look at database %s", id)
		}
		for _, instance := range out.DBInstances {
			if aws.ToBool(instance.DeletionProtection) {
				return fmt.Sprintf(
					"database %s has deletion protection; turn that off in the RDS console if you mean it",
					id,
				), nil
			}
		}
	}
	return "", nil
}

func (c *Changer) protectedCluster(ctx context.Context, clusters []string) (string, error) {
	for _, id := range clusters {
		out, err := c.rds.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &id})
		if awserr.HasCode(err, "DBClusterNotFoundFault") {
			continue
		}
		if err != nil {
			return "", awserr.Wrap(err, "look at database cluster %s", id)
		}
		for _, cluster := range out.DBClusters {
			if aws.ToBool(cluster.DeletionProtection) {
				return fmt.Sprintf(
					"database cluster %s has deletion protection; turn that off in the RDS console if you mean it",
					id,
				), nil
			}
		}
	}
	return "", nil
}

// lockedBucket looks for a version that Object Lock protects. For a bucket without Object Lock it
// makes one call.
func (c *Changer) lockedBucket(ctx context.Context, bucket string) (string, error) {
	lock, err := c.s3.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &bucket})
	if awserr.HasCode(err, "ObjectLockConfigurationNotFoundError", "NoSuchBucket") {
		return "", nil
	}
	if err != nil {
		return "", awserr.Wrap(err, "read Object Lock of bucket %s", bucket)
	}
	if lock.ObjectLockConfiguration == nil ||
		lock.ObjectLockConfiguration.ObjectLockEnabled != s3types.ObjectLockEnabledEnabled {
		return "", nil
	}
	page, err := c.s3.ListObjectVersions(
		ctx,
		&s3.ListObjectVersionsInput{Bucket: &bucket, MaxKeys: aws.Int32(lockedLooks)},
	)
	if err != nil {
		return "", awserr.Wrap(err, "list versions of bucket %s", bucket)
	}
	for _, version := range page.Versions {
		locked, err := c.lockedVersion(ctx, bucket, version)
		if err != nil || locked != "" {
			return locked, err
		}
	}
	if aws.ToBool(page.IsTruncated) {
		return fmt.Sprintf(
			"bucket %s has Object Lock and more than %d versions, too many to look at; delete them by hand, or leave "+
				"the bucket behind with `perch down --force`",
			bucket,
			lockedLooks,
		), nil
	}
	return "", nil
}

// lockedVersion says until when a version is locked; empty if the version can be deleted.
func (c *Changer) lockedVersion(ctx context.Context, bucket string, version s3types.ObjectVersion) (string, error) {
	const remedy = "lift it, or leave the bucket behind with `perch down --force`"
	out, err := c.s3.HeadObject(
		ctx,
		&s3.HeadObjectInput{Bucket: &bucket, Key: version.Key, VersionId: version.VersionId},
	)
	switch key := aws.ToString(version.Key); {
	case awserr.HasCode(err, "NotFound", "NoSuchKey", "NoSuchBucket", "NoSuchVersion"):
		return "", nil
	case err != nil:
		return "", awserr.Wrap(err, "look at object %q in bucket %s", key, bucket)
	case out.ObjectLockLegalHoldStatus == s3types.ObjectLockLegalHoldStatusOn:
		return fmt.Sprintf("object %q in bucket %s is under legal hold; %s", key, bucket, remedy), nil
	case aws.ToTime(out.ObjectLockRetainUntilDate).After(time.Now()):
		return fmt.Sprintf(
			"object %q in bucket %s is locked until %s; %s",
			key,
			bucket,
			out.ObjectLockRetainUntilDate.UTC().Format(time.RFC3339),
			remedy,
		), nil
	}
	return "", nil
}
