package leftovers

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"perch"
	"perch/activities/awserr"
)

// snapshots lists the snapshots of a database. The database itself need not exist any more.
func (v *Verifier) snapshots(ctx context.Context, database string) ([]types.DBSnapshot, error) {
	out, err := v.rds.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: &database})
	if awserr.HasCode(err, "DBInstanceNotFound", "DBInstanceNotFoundFault", "DBSnapshotNotFound") {
		return nil, nil
	}
	if err != nil {
		return nil, awserr.Wrap(err, "look for snapshots of database %s", database)
	}
	return out.DBSnapshots, nil
}

// wantedSnapshots returns the ARNs of the database snapshots that the template asks to keep. Such a
// snapshot has the stack's tags if the database has CopyTagsToSnapshot, and its name does not
// say which stack it belongs to.
func (v *Verifier) wantedSnapshots(ctx context.Context, contents perch.StackContents) (arns []string, err error) {
	for _, kept := range contents.Kept {
		if !kept.SnapshotOfDatabase() {
			continue
		}
		snapshots, err := v.snapshots(ctx, kept.ID)
		if err != nil {
			return nil, err
		}
		for _, snapshot := range snapshots {
			arns = append(arns, aws.ToString(snapshot.DBSnapshotArn))
		}
	}
	return arns, nil
}

// stays returns what the template kept, in words. A deleted database may have no snapshot although
// its template requests one: the rollback of a creation takes none if the database was never
// created. If an update deleted the database, only the snapshot shows that one was wanted.
func (v *Verifier) stays(ctx context.Context, contents perch.StackContents) (words []string, err error) {
	for _, kept := range contents.Kept {
		if kept.SnapshotOfDatabase() {
			if snapshots, err := v.snapshots(ctx, kept.ID); err != nil {
				return nil, err
			} else if len(snapshots) == 0 {
				continue
			}
		}
		words = append(words, kept.String())
	}
	return words, nil
}
