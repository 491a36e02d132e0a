package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
)

// verifyLooks is how often what is still seen is looked at again: the services forget with a delay.
const verifyLooks = 12

// Verification is the activity that sees whether an environment is gone.
type Verification struct {
	policy    *perch.Policy
	stacks    *Stacks
	shared    *Databases
	s3        *s3.Client
	rds       *rds.Client
	beanstalk *elasticbeanstalk.Client
	route53   *route53.Client
	tagging   *resourcegroupstaggingapi.Client
	interval  time.Duration
}

// VerifyInput names what must be gone.
type VerifyInput struct {
	// Project and Branch name the environment.
	Project string `json:"project"`
	Branch  string `json:"branch"`
	// StackID is the stack that was deleted.
	StackID string `json:"stack_id"`
	// Contents are the physical ids that were recorded before the deletion.
	Contents Contents `json:"contents"`
	// SharedDatabase says that the environment may have had a database in the shared instance.
	SharedDatabase bool `json:"shared_database,omitempty"`
}

// VerifyResult says what is still there.
type VerifyResult struct {
	// Leftovers name each thing that was still seen, with its type; empty when the environment is gone.
	Leftovers []string `json:"leftovers,omitempty"`
	// Kept name what stays because the stack's template says so.
	Kept []string `json:"kept,omitempty"`
}

// VerifyGone looks for what the environment held through each service's own API, and for anything that still carries its tags.
func (v *Verification) VerifyGone(ctx context.Context, in VerifyInput) (VerifyResult, error) {
	beats, stop := startPulse(ctx, perch.Progress{Status: "VERIFYING", Since: time.Now().UTC()})
	defer stop()
	if err := v.stacks.addOrphans(ctx, in.StackID, &in.Contents); err != nil {
		return VerifyResult{}, err
	}
	for look := 1; ; look++ {
		left, err := v.leftovers(ctx, in)
		if err != nil {
			return VerifyResult{}, err
		}
		if len(left) == 0 || look == verifyLooks {
			kept, err := v.stays(ctx, in.Contents)
			return VerifyResult{Leftovers: left, Kept: kept}, err
		}
		beats.set(perch.Progress{Status: "VERIFYING", Reason: "still there: " + strings.Join(left, ", "), Since: time.Now().UTC()})
		if err := linger(ctx, v.interval); err != nil {
			return VerifyResult{}, err
		}
	}
}

func (v *Verification) leftovers(ctx context.Context, in VerifyInput) ([]string, error) {
	var left []string
	for _, look := range []func(context.Context, VerifyInput) ([]string, error){v.stack, v.buckets, v.databases, v.sharedDatabase, v.environments, v.records, v.tagged} {
		found, err := look(ctx, in)
		if err != nil {
			return nil, err
		}
		left = append(left, found...)
	}
	return left, nil
}

func (v *Verification) stack(ctx context.Context, in VerifyInput) ([]string, error) {
	stack, found, err := v.stacks.describe(ctx, in.StackID)
	if err != nil || !found || stack.StackStatus == "DELETE_COMPLETE" {
		return nil, err
	}
	return []string{fmt.Sprintf("stack %s (%s)", in.StackID, stack.StackStatus)}, nil
}

func (v *Verification) buckets(ctx context.Context, in VerifyInput) (left []string, err error) {
	for _, bucket := range in.Contents.Buckets {
		_, err := v.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
		switch {
		case err == nil:
			left = append(left, "bucket "+bucket)
		case !missing(err, "NotFound", "NoSuchBucket"):
			return nil, awsFailure(err, "look for bucket %s", bucket)
		}
	}
	return left, nil
}

func (v *Verification) databases(ctx context.Context, in VerifyInput) (left []string, err error) {
	for _, id := range in.Contents.Databases {
		out, err := v.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
		if err != nil && !missing(err, "DBInstanceNotFound", "DBInstanceNotFoundFault") {
			return nil, awsFailure(err, "look for database %s", id)
		}
		if err == nil && len(out.DBInstances) > 0 {
			left = append(left, "database "+id)
		}
		if in.Contents.keepsSnapshot(id) {
			continue
		}
		snapshots, err := v.snapshots(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, snapshot := range snapshots {
			left = append(left, "database snapshot "+aws.ToString(snapshot.DBSnapshotIdentifier))
		}
	}
	return left, nil
}

func (v *Verification) sharedDatabase(ctx context.Context, in VerifyInput) ([]string, error) {
	if !in.SharedDatabase {
		return nil, nil
	}
	return v.shared.remains(ctx, DatabaseInput{Project: in.Project, Branch: in.Branch})
}

func (v *Verification) environments(ctx context.Context, in VerifyInput) (left []string, err error) {
	if len(in.Contents.Environments) == 0 {
		return nil, nil
	}
	out, err := v.beanstalk.DescribeEnvironments(ctx, &elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: in.Contents.Environments})
	if err != nil {
		return nil, awsFailure(err, "look for Beanstalk environments")
	}
	for _, environment := range out.Environments {
		if environment.Status != ebtypes.EnvironmentStatusTerminated {
			left = append(left, fmt.Sprintf("Beanstalk environment %s (%s)", aws.ToString(environment.EnvironmentName), environment.Status))
		}
	}
	return left, nil
}

// records looks for host names that still point somewhere: a record without its environment can be taken over.
func (v *Verification) records(ctx context.Context, in VerifyInput) (left []string, err error) {
	if v.policy.HostedZone == "" {
		return nil, nil
	}
	for _, name := range in.Contents.Records {
		out, err := v.route53.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &v.policy.HostedZone, StartRecordName: &name, MaxItems: aws.Int32(1)})
		if err != nil {
			return nil, awsFailure(err, "look for record %s", name)
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

// tagged asks the tagging API for anything that carries the environment's tags. A stack and a Beanstalk environment that are deleted
// linger there, and the calls above have looked at them.
func (v *Verification) tagged(ctx context.Context, in VerifyInput) (left []string, err error) {
	wanted, err := v.wantedSnapshots(ctx, in.Contents)
	if err != nil {
		return nil, err
	}
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(v.tagging, &resourcegroupstaggingapi.GetResourcesInput{TagFilters: []tagtypes.TagFilter{
		{Key: aws.String(tagStackID), Values: []string{in.StackID}},
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awsFailure(err, "look for tagged resources")
		}
		for _, r := range page.ResourceTagMappingList {
			if arn := aws.ToString(r.ResourceARN); !lingers(arn) && !in.Contents.keeps(arn) && !slices.Contains(wanted, arn) {
				left = append(left, arn)
			}
		}
	}
	return left, nil
}

func lingers(arn string) bool {
	return strings.Contains(arn, ":cloudformation:") || strings.Contains(arn, ":elasticbeanstalk:")
}
