// Package leftovers verifies that an environment is completely removed, deletes what CloudFormation
// left, and records what could not be deleted.
//
// A removal writes a Record of what a stack holds before it deletes the stack, because a deleted
// stack no longer names its resources. Verification then asks each service for the resources in the
// records, and for everything that still has the environment's tags. The tagging API lists
// deleted resources for hours, so each of its answers is only a candidate, which the resource's own
// service has to confirm.
package leftovers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/stack"
)

// verifyLooks is how often VerifyGone looks again while it still sees something. Services show a
// deletion with a delay.
const verifyLooks = 12

// Config has what a Verifier needs from the worker's other activities.
type Config struct {
	Policy  *perch.Policy
	Stacks  *stack.Reader
	Records *Records
	// SharedDatabase returns the names of what the shared instance still has of the environment.
	SharedDatabase func(context.Context, perch.Environment) ([]string, error)
	// Retract deletes from the artifact bucket what Admit stored for the environment.
	Retract func(ctx context.Context, bucket string, environment perch.Environment) error
	// Interval is the pause between two looks.
	Interval time.Duration
}

// Verifier looks for leftovers and deletes those that it may.
type Verifier struct {
	Config

	s3        *s3.Client
	rds       *rds.Client
	beanstalk *elasticbeanstalk.Client
	route53   *route53.Client
	tagging   *resourcegroupstaggingapi.Client
	lookUps   *lookUps
}

// NewVerifier returns a Verifier.
func NewVerifier(cfg aws.Config, config Config) *Verifier {
	return &Verifier{
		Config: config, s3: s3.NewFromConfig(
			cfg,
		), rds: rds.NewFromConfig(cfg), beanstalk: elasticbeanstalk.NewFromConfig(cfg),
		route53: route53.NewFromConfig(cfg), tagging: resourcegroupstaggingapi.NewFromConfig(cfg),
		lookUps: newLookUps(cfg),
	}
}

// VerifyGone looks for everything that the environment held, through the API of each service, and
// for everything that still has its tags. It also checks what earlier removals of the branch
// left. It records in the environment's card what still exists. If nothing does, it removes these
// removals from the card.
func (v *Verifier) VerifyGone(ctx context.Context, in contract.VerifyInput) (contract.VerifyResult, error) {
	beats, stop := pulse.Start(ctx, perch.Progress{Status: "VERIFYING", Since: time.Now().UTC()})
	defer stop()
	if err := v.checkInput(ctx, &in); err != nil {
		return contract.VerifyResult{}, err
	}
	named := in.Contents
	past, err := v.recall(ctx, &in)
	if err != nil {
		return contract.VerifyResult{}, err
	}
	if !in.Swept {
		if found, err := v.orphans(ctx, in, named, past); err != nil || len(found) > 0 {
			return contract.VerifyResult{Orphans: found}, err
		}
	}
	for look := 1; ; look++ {
		seen, err := v.Look(ctx, in)
		if err != nil {
			return contract.VerifyResult{}, err
		}
		if len(seen.Left) == 0 || look == verifyLooks {
			if err := v.conclude(ctx, past, in, seen); err != nil {
				return contract.VerifyResult{}, err
			}
			kept, err := v.stays(ctx, in.Contents)
			return contract.VerifyResult{Leftovers: seen.Left, Unconfirmed: seen.Unconfirmed, Kept: kept}, err
		}
		beats.Set(
			perch.Progress{
				Status: "VERIFYING",
				Reason: "still there: " + strings.Join(seen.Left, ", "),
				Since:  time.Now().UTC(),
			},
		)
		if err := pulse.Linger(ctx, v.Interval); err != nil {
			return contract.VerifyResult{}, err
		}
	}
}

// checkInput rejects a stack that does not belong to the environment, or that is not being deleted.
// It removes from Known all names that a removal cannot know without a look, because every later
// run reads what VerifyGone records.
func (v *Verifier) checkInput(ctx context.Context, in *contract.VerifyInput) error {
	in.Known = slices.DeleteFunc(
		slices.Clone(in.Known),
		func(name string) bool { return name != contract.SharedDatabase(in.Environment.DatabaseName()) },
	)
	if in.StackID == "" {
		return nil
	}
	if described, _, err := v.Stacks.Describe(ctx, in.StackID); err != nil || neverCreated(in.Environment, described) {
		return err
	}
	stack, err := v.Stacks.OwnStack(ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID})
	if err == nil && !strings.HasPrefix(stack.Status, "DELETE_") {
		err = awserr.Final(
			perch.ErrorInvalid, "stack %s is %s: it is not being removed, and nothing was verified", in.StackID,
			stack.Status,
		)
	}
	return err
}

// neverCreated reports whether the stack only had a change set that was never executed, and was
// then deleted. A stack gets its tags and its resources when the change set is executed.
func neverCreated(environment perch.Environment, stack types.Stack) bool {
	return stack.StackStatus == types.StackStatusDeleteComplete && len(stack.Tags) == 0 &&
		aws.ToString(stack.StackName) == environment.StackName()
}

// FoundLeftovers is what one look found. The resources in Left still exist. Those in Unconfirmed
// may still exist.
type FoundLeftovers struct{ Left, Unconfirmed []string }

// Look looks once for what is left.
func (v *Verifier) Look(ctx context.Context, in contract.VerifyInput) (FoundLeftovers, error) {
	left := slices.Clone(in.Known)
	looks := []func(context.Context, contract.VerifyInput) ([]string, error){
		v.stack, v.buckets, v.databases, v.clusters, v.sharedDatabase, v.environments, v.logGroups, v.records,
	}
	for _, look := range looks {
		found, err := look(ctx, in)
		if err != nil {
			return FoundLeftovers{}, err
		}
		left = append(left, found...)
	}
	seen, err := v.tagged(ctx, in)
	seen.Left = append(left, seen.Left...)
	return seen, err
}

func (v *Verifier) stack(ctx context.Context, in contract.VerifyInput) ([]string, error) {
	if in.StackID == "" {
		return nil, nil
	}
	stack, found, err := v.Stacks.Describe(ctx, in.StackID)
	if err != nil || !found || stack.StackStatus == "DELETE_COMPLETE" {
		return nil, err
	}
	return []string{fmt.Sprintf("stack %s (%s)", in.StackID, stack.StackStatus)}, nil
}

func (v *Verifier) buckets(ctx context.Context, in contract.VerifyInput) (left []string, err error) {
	for _, bucket := range in.Contents.Buckets {
		_, err := v.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
		switch {
		case err == nil:
			left = append(left, "bucket "+bucket)
		case !awserr.HasCode(err, "NotFound", "NoSuchBucket"):
			return nil, awserr.Wrap(err, "look for bucket %s", bucket)
		}
	}
	return left, nil
}

func (v *Verifier) databases(ctx context.Context, in contract.VerifyInput) (left []string, err error) {
	for _, id := range in.Contents.Databases {
		out, err := v.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
		if err != nil && !awserr.HasCode(err, "DBInstanceNotFound", "DBInstanceNotFoundFault") {
			return nil, awserr.Wrap(err, "look for database %s", id)
		}
		if err == nil && len(out.DBInstances) > 0 {
			left = append(left, "database "+id)
		}
		if in.Contents.KeepsSnapshot(id) {
			continue
		}
		snapshots, err := v.snapshots(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, snapshot := range snapshots {
			if name := aws.ToString(snapshot.DBSnapshotIdentifier); !strings.Contains(name, finalSnapshotMark) {
				left = append(left, "database snapshot "+name)
			}
		}
	}
	return left, nil
}

func (v *Verifier) clusters(ctx context.Context, in contract.VerifyInput) (left []string, err error) {
	for _, id := range in.Contents.Clusters {
		out, err := v.rds.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &id})
		if err != nil && !awserr.HasCode(err, "DBClusterNotFoundFault") {
			return nil, awserr.Wrap(err, "look for database cluster %s", id)
		}
		if err == nil && len(out.DBClusters) > 0 {
			left = append(left, "database cluster "+id)
		}
	}
	return left, nil
}

func (v *Verifier) sharedDatabase(ctx context.Context, in contract.VerifyInput) ([]string, error) {
	if !in.SharedDatabase {
		return nil, nil
	}
	return v.SharedDatabase(ctx, in.Environment)
}

func (v *Verifier) environments(ctx context.Context, in contract.VerifyInput) (left []string, err error) {
	if len(in.Contents.Environments) == 0 {
		return nil, nil
	}
	out, err := v.beanstalk.DescribeEnvironments(
		ctx, &elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: in.Contents.Environments},
	)
	if err != nil {
		return nil, awserr.Wrap(err, "look for Beanstalk environments")
	}
	for _, environment := range out.Environments {
		if environment.Status != ebtypes.EnvironmentStatusTerminated {
			left = append(left, fmt.Sprintf(
				"Beanstalk environment %s (%s)", aws.ToString(environment.EnvironmentName), environment.Status,
			))
		}
	}
	return left, nil
}

// logGroups looks for log groups that Beanstalk should have deleted with an environment.
func (v *Verifier) logGroups(ctx context.Context, in contract.VerifyInput) (left []string, err error) {
	for _, prefix := range in.Contents.Logs {
		groups, err := v.lookUps.logGroups(ctx, prefix)
		if err != nil {
			return nil, awserr.Wrap(err, "look for log groups %s*", prefix)
		}
		for _, group := range groups {
			left = append(left, "log group "+group)
		}
	}
	return left, nil
}

// records looks for DNS records of the environment's host names. If a record stays after its
// environment, someone else may take over the host name.
func (v *Verifier) records(ctx context.Context, in contract.VerifyInput) (left []string, err error) {
	if v.Policy.HostedZone == "" {
		return nil, nil
	}
	for _, name := range in.Contents.Records {
		out, err := v.route53.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{
			HostedZoneId: &v.Policy.HostedZone, StartRecordName: &name, MaxItems: aws.Int32(1),
		})
		if err != nil {
			return nil, awserr.Wrap(err, "look for record %s", name)
		}
		if len(out.ResourceRecordSets) > 0 && sameHost(aws.ToString(out.ResourceRecordSets[0].Name), name) {
			left = append(left, "DNS record "+name)
		}
	}
	return left, nil
}

func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
