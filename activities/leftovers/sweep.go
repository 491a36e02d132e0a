package leftovers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/bucket"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/stack"
	"perch/lifecycle"
)

// sweepLooks is how often SweepResources checks whether what it deletes is gone. RDS takes up to
// half an hour to delete a database with a final snapshot.
const sweepLooks = 180

// inUseLooks is how often SweepResources tries again to delete resources that are in use although
// no other deletion is in progress. Network interfaces exist a little longer than what used them.
const inUseLooks = 12

// finalSnapshotMark is part of the name of each snapshot that SweepResources takes.
const finalSnapshotMark = "-perch-final-"

// sweepOrder are the types that SweepResources deletes, in this order. A resource comes before
// those that it uses: a database uses its groups.
var sweepOrder = []string{
	"AWS::S3::Bucket", "AWS::ElasticBeanstalk::Environment", "AWS::RDS::DBInstance", "AWS::RDS::DBSubnetGroup",
	"AWS::EC2::SecurityGroup", "AWS::SecretsManager::Secret",
}

// Sweeps reports whether SweepResources deletes resources of a type.
func Sweeps(resourceType string) bool { return slices.Contains(sweepOrder, resourceType) }

// secretRecovery is the number of days during which a deleted secret can be restored, the smallest
// that Secrets Manager allows.
const secretRecovery = 7

// SweepResources deletes resources that the stack was told to retain, and resources that no stack
// names any more, if Perch can delete their types. VerifyGone finds what still exists afterwards.
// The caller empties buckets first. SweepResources rejects a stack that may return to service. It
// does not delete resources without the stack's id in their tags, resources that the stack's
// template keeps, and resources that neither the template nor the events of the stack name. It
// takes a final snapshot of a database, unless the template wants none.
func (v *Verifier) SweepResources(ctx context.Context, in contract.SweepInput) (contract.SweepResult, error) {
	beats, stop := pulse.Start(ctx, perch.Progress{Status: "REMOVING", Since: time.Now().UTC()})
	defer stop()
	if err := v.Stacks.RequireDeletion(
		ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID},
	); err != nil {
		return contract.SweepResult{}, err
	}
	policies, err := v.Stacks.DeletionPolicies(ctx, in.StackID)
	if err != nil {
		return contract.SweepResult{}, err
	}
	pass := sweepPass{v: v, stackID: in.StackID, policies: policies}
	for _, r := range in.Resources {
		if policies[r.PhysicalID].DeletesResource() {
			pass.left = append(pass.left, r)
		}
	}
	slices.SortStableFunc(pass.left, func(a, b lifecycle.Failure) int {
		return slices.Index(sweepOrder, a.Type) - slices.Index(sweepOrder, b.Type)
	})
	named, idle := slices.Clone(pass.left), 0
	for look := 1; ; look++ {
		leaving, err := pass.run(ctx)
		if err != nil {
			return contract.SweepResult{}, err
		}
		if idle++; leaving > 0 {
			idle = 0
		}
		if len(pass.left) == 0 || idle == inUseLooks || look == sweepLooks {
			return v.finalSnapshots(ctx, named)
		}
		beats.Set(perch.Progress{
			Status: "REMOVING", Reason: "still there: " + pass.words(), Since: time.Now().UTC(),
		})
		if err := pulse.Linger(ctx, v.Interval); err != nil {
			return contract.SweepResult{}, err
		}
	}
}

// finalSnapshots returns the snapshots that Perch took of the databases among the resources.
func (v *Verifier) finalSnapshots(
	ctx context.Context, resources []lifecycle.Failure,
) (result contract.SweepResult, err error) {
	for _, r := range resources {
		if r.Type != "AWS::RDS::DBInstance" {
			continue
		}
		snapshots, err := v.snapshots(ctx, r.PhysicalID)
		if err != nil {
			return contract.SweepResult{}, err
		}
		for _, snapshot := range snapshots {
			if name := aws.ToString(snapshot.DBSnapshotIdentifier); strings.Contains(name, finalSnapshotMark) {
				result.Kept = append(result.Kept, "database snapshot "+name)
			}
		}
	}
	return result, nil
}

// sweepPass deletes resources of one stack.
type sweepPass struct {
	v        *Verifier
	stackID  string
	policies map[string]stack.DeletionPolicy
	// left has the resources that a pass must still try to delete.
	left []lifecycle.Failure
}

// words returns the names of what is left.
func (p *sweepPass) words() string {
	var words []string
	for _, r := range p.left {
		words = append(words, r.Type+" "+r.PhysicalID)
	}
	return strings.Join(words, ", ")
}

// run requests the deletion of everything that is left, and counts the deletions in progress. It
// does not stop at the first error, because the stack no longer names its resources and each must
// get its turn. It leaves to VerifyGone what is protected, denied, or used by something that stays.
func (p *sweepPass) run(ctx context.Context) (leaving int, failure error) {
	var next []lifecycle.Failure
	for _, r := range p.left {
		err := p.remove(ctx, r)
		state, lookErr := p.stateAfter(ctx, r, err)
		if lookErr != nil && failure == nil {
			failure = awserr.Wrap(lookErr, "remove %s %s", r.Type, r.PhysicalID)
		}
		if state == sweepLeaving {
			leaving++
		}
		if state == sweepLeaving || state == sweepInUse {
			next = append(next, r)
		}
	}
	p.left = next
	return leaving, failure
}

// sweepState is what a pass has learned about a resource.
type sweepState int

const (
	// sweepOver means that the resource is deleted, or that it stays and VerifyGone names it.
	sweepOver sweepState = iota
	// sweepLeaving means that its service is deleting it.
	sweepLeaving
	// sweepInUse means that something uses it, which may be about to be deleted, too.
	sweepInUse
)

// stateAfter returns the state of a resource, given the answer to the request to delete it.
func (p *sweepPass) stateAfter(ctx context.Context, r lifecycle.Failure, err error) (sweepState, error) {
	switch {
	case awserr.HasCode(err, "DependencyViolation", "InvalidDBSubnetGroupStateFault", "InvalidDBSubnetGroupState"):
		return sweepInUse, nil
	case awserr.Denied(err) || awserr.Says(err, "InvalidParameterValue", "No Environment found") ||
		awserr.HasCode(err, goneCodes...) ||
		awserr.HasCode(err, "NoSuchTagSet", "BucketNotEmpty", "InvalidParameterCombination",
			"SnapshotQuotaExceeded", "SnapshotQuotaExceededFault"):
		return sweepOver, nil
	case err != nil && !awserr.HasCode(err, "InvalidDBInstanceState", "InvalidDBInstanceStateFault"):
		return sweepOver, err
	}
	leaving, err := p.leaves(ctx, r)
	if err == nil && leaving {
		return sweepLeaving, nil
	}
	return sweepOver, err
}

// leaves reports whether the resource's service says that it is deleting the resource.
func (p *sweepPass) leaves(ctx context.Context, r lifecycle.Failure) (bool, error) {
	switch r.Type {
	case "AWS::RDS::DBInstance":
		out, err := p.v.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &r.PhysicalID})
		if awserr.HasCode(err, goneCodes...) {
			return false, nil
		}
		return err == nil && len(out.DBInstances) == 1 &&
			aws.ToString(out.DBInstances[0].DBInstanceStatus) == "deleting", err
	case "AWS::ElasticBeanstalk::Environment":
		in := &elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: []string{r.PhysicalID}}
		out, err := p.v.beanstalk.DescribeEnvironments(ctx, in)
		return err == nil && slices.ContainsFunc(out.Environments, func(e ebtypes.EnvironmentDescription) bool {
			return e.Status == ebtypes.EnvironmentStatusTerminating
		}), err
	}
	return false, nil
}

// remove deletes a resource if its tags show that it belongs to the stack.
func (p *sweepPass) remove(ctx context.Context, r lifecycle.Failure) error {
	switch r.Type {
	case "AWS::S3::Bucket":
		return p.removeBucket(ctx, r.PhysicalID)
	case "AWS::RDS::DBInstance":
		return p.removeDatabase(ctx, r.PhysicalID)
	case "AWS::ElasticBeanstalk::Environment":
		return p.v.terminateEnvironment(ctx, p.stackID, r.PhysicalID)
	case "AWS::RDS::DBSubnetGroup":
		return p.removeSubnetGroup(ctx, r.PhysicalID)
	case "AWS::EC2::SecurityGroup":
		return p.removeSecurityGroup(ctx, r.PhysicalID)
	case "AWS::SecretsManager::Secret":
		return p.removeSecret(ctx, r.PhysicalID)
	}
	return nil
}

func (p *sweepPass) removeBucket(ctx context.Context, name string) error {
	tags, err := p.v.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	if err != nil ||
		!carriesStack(p.stackID, tags.TagSet, func(t s3types.Tag) (_, _ *string) { return t.Key, t.Value }) {
		return err
	}
	_, err = p.v.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	return err
}

func (p *sweepPass) removeDatabase(ctx context.Context, id string) error {
	out, err := p.v.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil || len(out.DBInstances) != 1 || aws.ToString(out.DBInstances[0].DBInstanceStatus) == "deleting" ||
		!carriesStack(p.stackID, out.DBInstances[0].TagList, databaseTag) {
		return err
	}
	in := &rds.DeleteDBInstanceInput{DBInstanceIdentifier: &id, DeleteAutomatedBackups: aws.Bool(true)}
	if p.policies[id] == stack.DeletionPolicyDelete {
		in.SkipFinalSnapshot = aws.Bool(true)
	} else {
		in.FinalDBSnapshotIdentifier = aws.String(id + finalSnapshotMark + time.Now().UTC().Format("20060102-150405"))
	}
	_, err = p.v.rds.DeleteDBInstance(ctx, in)
	return err
}

func (p *sweepPass) removeSubnetGroup(ctx context.Context, name string) error {
	out, err := p.v.rds.DescribeDBSubnetGroups(ctx, &rds.DescribeDBSubnetGroupsInput{DBSubnetGroupName: &name})
	if err != nil || len(out.DBSubnetGroups) != 1 {
		return err
	}
	tags, err := p.v.rds.ListTagsForResource(
		ctx, &rds.ListTagsForResourceInput{ResourceName: out.DBSubnetGroups[0].DBSubnetGroupArn},
	)
	if err != nil || !carriesStack(p.stackID, tags.TagList, databaseTag) {
		return err
	}
	_, err = p.v.rds.DeleteDBSubnetGroup(ctx, &rds.DeleteDBSubnetGroupInput{DBSubnetGroupName: &name})
	return err
}

func (p *sweepPass) removeSecurityGroup(ctx context.Context, id string) error {
	out, err := p.v.lookUps.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if err != nil || len(out.SecurityGroups) != 1 {
		return err
	}
	networkTag := func(t ec2types.Tag) (key, value *string) { return t.Key, t.Value }
	if !carriesStack(p.stackID, out.SecurityGroups[0].Tags, networkTag) {
		return nil
	}
	_, err = p.v.lookUps.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id})
	return err
}

func (p *sweepPass) removeSecret(ctx context.Context, id string) error {
	out, err := p.v.lookUps.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	secretTag := func(t secrettypes.Tag) (key, value *string) { return t.Key, t.Value }
	if err != nil || out.DeletedDate != nil || !carriesStack(p.stackID, out.Tags, secretTag) {
		return err
	}
	_, err = p.v.lookUps.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{
		SecretId: &id, RecoveryWindowInDays: aws.Int64(secretRecovery),
	})
	return err
}

func databaseTag(t rdstypes.Tag) (key, value *string) { return t.Key, t.Value }

// carriesStack reports whether a resource's tags name the stack.
func carriesStack[T any](stackID string, tags []T, pair func(T) (key, value *string)) bool {
	return slices.ContainsFunc(tags, func(tag T) bool {
		key, value := pair(tag)
		return aws.ToString(key) == bucket.StackIDTag && aws.ToString(value) == stackID
	})
}
