package activities

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/lifecycle"
)

// Remains is what a failed deletion has left of a stack.
type Remains struct {
	// Failures are the resources that CloudFormation failed to delete: the only ones that it takes in RetainResources.
	Failures []lifecycle.Failure `json:"failures,omitempty"`
}

// DiagnoseDeletion lists what CloudFormation failed to delete, and why.
func (s *Stacks) DiagnoseDeletion(ctx context.Context, in StackInput) (Remains, error) {
	var remains Remains
	pages := cloudformation.NewListStackResourcesPaginator(s.cfn, &cloudformation.ListStackResourcesInput{StackName: &in.StackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Remains{}, awsFailure(err, "list resources of stack %s", in.StackID)
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

// SweepInput names what a stack was told to leave behind.
type SweepInput struct {
	// StackID is the stack that it belonged to.
	StackID string `json:"stack_id"`
	// Resources are to be removed through their own services.
	Resources []lifecycle.Failure `json:"resources"`
	// Kept are what the stack's template keeps, or wants a snapshot of: none of them is removed.
	Kept []Kept `json:"kept,omitempty"`
}

// SweepResources removes what the stack was told to leave behind, as far as Perch knows how; VerifyGone sees what is still there. Buckets
// are emptied before. A database that could not be deleted because its snapshot cannot be made stays: it would be gone without one.
func (v *Verification) SweepResources(ctx context.Context, in SweepInput) error {
	_, stop := startPulse(ctx, perch.Progress{Status: "REMOVING", Since: time.Now().UTC()})
	defer stop()
	var failure error
	for _, r := range in.Resources {
		if slices.ContainsFunc(in.Kept, func(k Kept) bool { return k.ID == r.PhysicalID }) {
			continue
		}
		if err := v.sweep(ctx, r); err != nil && failure == nil {
			failure = awsFailure(err, "remove %s %s", r.Type, r.PhysicalID) // A try after this one finds the others gone.
		}
	}
	return failure
}

// sweep removes one resource. What is protected or denied stays, because no retry mends that: the stack no longer names its resources, so VerifyGone
// has to come to look for all of them.
func (v *Verification) sweep(ctx context.Context, r lifecycle.Failure) error {
	var err error
	switch r.Type {
	case "AWS::S3::Bucket":
		_, err = v.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &r.PhysicalID})
	case "AWS::RDS::DBInstance":
		_, err = v.rds.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{DBInstanceIdentifier: &r.PhysicalID, SkipFinalSnapshot: aws.Bool(true), DeleteAutomatedBackups: aws.Bool(true)})
	}
	if denied(err) || missing(err, "NoSuchBucket", "BucketNotEmpty",
		"DBInstanceNotFound", "DBInstanceNotFoundFault", "InvalidDBInstanceState", "InvalidDBInstanceStateFault", "InvalidParameterCombination") {
		return nil
	}
	return err
}
