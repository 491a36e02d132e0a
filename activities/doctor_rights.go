package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
)

// nobody is what nothing is called: no environment's name can be the one of another application, and no bucket has such a key.
const nobody = "none"

// Calls that no trial is made of. Those of untried would change something, and no others show the rights behind them; those of occasional are
// needed where a project's seed steps or its databases ask for them, and are granted for single instances and secrets.
var (
	untried = []string{
		"PutObject",
		"CopyObject",
		"PutBucketPolicy",
		"DeleteObject",
		"DeleteObjects",
		"DeleteBucket",
		"DeleteBucketPolicy",
		"DeleteDBInstance",
		"TerminateEnvironment",
		"UpdateEnvironment",
	}
	occasional = []string{
		"ListTagsForResource",
		"DescribeConfigurationSettings",
		"DescribeEnvironmentResources",
		"SendCommand",
		"GetCommandInvocation",
		"ListCommandInvocations",
		"GetSecretValue",
		"DescribeSecret",
		"GetParameter",
		"GetAuthorizationToken",
	}
)

// rights tries what the worker's role may do.
type rights struct {
	policy    *perch.Policy
	stacks    *cloudformation.Client
	s3        *s3.Client
	beanstalk *elasticbeanstalk.Client
	rds       *rds.Client
	tagging   *resourcegroupstaggingapi.Client
	lookUps   *lookUps
}

// look makes every trial and names the rights that are missing. Without a bucket, none is made of what needs one.
func (r *rights) look(ctx context.Context, bucket string) (string, error) {
	trials := r.trials()
	if bucket != "" {
		maps.Copy(trials, r.bucketTrials(bucket))
	}
	maps.Copy(trials, r.seedTrials())
	maps.Copy(trials, r.lookUps.trials())
	lacking, unanswered := r.try(ctx, trials)
	switch {
	case len(lacking) > 0:
		return "", fmt.Errorf("the worker's role lacks %s, or a policy above it denies that; give it these permissions", strings.Join(lacking, ", "))
	case len(unanswered) > 0:
		return "", fmt.Errorf("AWS does not say whether these are allowed: %s", strings.Join(unanswered, "; "))
	}
	without := fmt.Sprintf("not tried: what would change something (%s, iam:PassRole), what only some projects need (%s), and what the service role may do",
		strings.Join(untried, ", "), strings.Join(occasional, ", "))
	if bucket == "" {
		without += "; nor anything in a bucket, since there is no application stack"
	}
	return fmt.Sprintf("%d calls are allowed; %s", len(trials), without), nil
}

// try makes the trials side by side.
func (r *rights) try(ctx context.Context, trials map[string]func(context.Context) error) (lacking, unanswered []string) {
	errs := map[string]error{}
	var (
		mu      sync.Mutex
		running sync.WaitGroup
	)
	for action, trial := range trials {
		running.Go(func() {
			err := trial(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs[action] = err
		})
	}
	running.Wait()
	for _, action := range slices.Sorted(maps.Keys(errs)) {
		switch err := errs[action]; {
		case awserr.Denied(err):
			lacking = append(lacking, action)
		case !decided(err):
			unanswered = append(unanswered, action+" ("+words(err)+")")
		}
	}
	return lacking, unanswered
}

// decided reports that AWS has let the call in: it did what was asked, or looked for it and did not find it.
func decided(err error) bool {
	var answer interface{ HTTPStatusCode() int }
	if err == nil {
		return true
	}
	return errors.As(err, &answer) && answer.HTTPStatusCode()/100 == 4 && !awserr.Throttled(err)
}

// words are an error's own, without the frame of the SDK or of an activity.
func words(err error) string {
	var told interface{ Message() string }
	if errors.As(err, &told) {
		return told.Message()
	}
	return awserr.Sentence(err)
}

// trials are calls about what is not there. AWS looks whether a call is allowed before it looks for what it is about, so its answer tells the
// one from the other, and nothing changes: no stack has this id, and a template without resources makes none.
func (r *rights) trials() map[string]func(context.Context) error {
	name := perch.ApplicationStackName(r.policy.Project, nobody)
	id := aws.String(fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/00000000-0000-0000-0000-000000000000", r.policy.Region, r.policy.Account, name))
	empty := aws.String("{}")
	return map[string]func(context.Context) error{
		"cloudformation:CreateStack":            trial(r.stacks.CreateStack, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: empty}),
		"cloudformation:UpdateStack":            trial(r.stacks.UpdateStack, &cloudformation.UpdateStackInput{StackName: id, TemplateBody: empty}),
		"cloudformation:DeleteStack":            trial(r.stacks.DeleteStack, &cloudformation.DeleteStackInput{StackName: id}),
		"cloudformation:CancelUpdateStack":      trial(r.stacks.CancelUpdateStack, &cloudformation.CancelUpdateStackInput{StackName: id}),
		"cloudformation:ContinueUpdateRollback": trial(r.stacks.ContinueUpdateRollback, &cloudformation.ContinueUpdateRollbackInput{StackName: id}),
		"cloudformation:RollbackStack":          trial(r.stacks.RollbackStack, &cloudformation.RollbackStackInput{StackName: id}),
		"cloudformation:DescribeStacks":         trial(r.stacks.DescribeStacks, &cloudformation.DescribeStacksInput{}),
		"cloudformation:DescribeStackEvents":    trial(r.stacks.DescribeStackEvents, &cloudformation.DescribeStackEventsInput{StackName: id}),
		"cloudformation:DescribeStackResource":  trial(r.stacks.DescribeStackResource, &cloudformation.DescribeStackResourceInput{StackName: id, LogicalResourceId: aws.String("None")}),
		"cloudformation:DescribeChangeSet":      trial(r.stacks.DescribeChangeSet, &cloudformation.DescribeChangeSetInput{StackName: id, ChangeSetName: aws.String(nobody)}),
		"cloudformation:ListChangeSets":         trial(r.stacks.ListChangeSets, &cloudformation.ListChangeSetsInput{StackName: id}),
		"cloudformation:ValidateTemplate":       trial(r.stacks.ValidateTemplate, &cloudformation.ValidateTemplateInput{TemplateBody: empty}),
		"cloudformation:GetTemplate":            trial(r.stacks.GetTemplate, &cloudformation.GetTemplateInput{StackName: id}),
		"cloudformation:ListImports":            trial(r.stacks.ListImports, &cloudformation.ListImportsInput{ExportName: &name}),
		"cloudformation:ListStackResources":     trial(r.stacks.ListStackResources, &cloudformation.ListStackResourcesInput{StackName: id}),

		"elasticbeanstalk:DescribeEnvironments":        trial(r.beanstalk.DescribeEnvironments, &elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: []string{name}}),
		"elasticbeanstalk:DescribeEvents":              trial(r.beanstalk.DescribeEvents, &elasticbeanstalk.DescribeEventsInput{EnvironmentName: &name, MaxRecords: aws.Int32(1)}),
		"elasticbeanstalk:ListAvailableSolutionStacks": trial(r.beanstalk.ListAvailableSolutionStacks, &elasticbeanstalk.ListAvailableSolutionStacksInput{}),

		"rds:DescribeDBInstances": trial(r.rds.DescribeDBInstances, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name}),
		"rds:DescribeDBSnapshots": trial(r.rds.DescribeDBSnapshots, &rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: &name}),
		"tag:GetResources":        trial(r.tagging.GetResources, &resourcegroupstaggingapi.GetResourcesInput{ResourcesPerPage: aws.Int32(1)}),
	}
}

// bucketTrials are about the application's bucket, which is called as all buckets of the project are.
func (r *rights) bucketTrials(bucket string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"s3:GetObject":                        trial(r.s3.GetObject, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(nobody)}),
		"s3:GetObject for HeadObject":         trial(r.s3.HeadObject, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String(nobody)}),
		"s3:ListBucket":                       trial(r.s3.HeadBucket, &s3.HeadBucketInput{Bucket: &bucket}),
		"s3:GetBucketPolicy":                  trial(r.s3.GetBucketPolicy, &s3.GetBucketPolicyInput{Bucket: &bucket}),
		"s3:GetBucketTagging":                 trial(r.s3.GetBucketTagging, &s3.GetBucketTaggingInput{Bucket: &bucket}),
		"s3:GetBucketObjectLockConfiguration": trial(r.s3.GetObjectLockConfiguration, &s3.GetObjectLockConfigurationInput{Bucket: &bucket}),
		"s3:ListBucketVersions":               trial(r.s3.ListObjectVersions, &s3.ListObjectVersionsInput{Bucket: &bucket, MaxKeys: aws.Int32(1)}),
		"s3:ListBucketMultipartUploads":       trial(r.s3.ListMultipartUploads, &s3.ListMultipartUploadsInput{Bucket: &bucket, MaxUploads: aws.Int32(1)}),
		"s3:AbortMultipartUpload":             trial(r.s3.AbortMultipartUpload, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: aws.String(nobody), UploadId: aws.String(nobody)}),
	}
}

// seedTrials list the places that seed data may come from; of one that names no whole bucket nothing can be said.
func (r *rights) seedTrials() map[string]func(context.Context) error {
	trials := map[string]func(context.Context) error{}
	for _, from := range r.policy.Seeds.From {
		bucket, prefix, whole := strings.Cut(strings.TrimPrefix(from, "s3://"), "/")
		if !whole {
			continue
		}
		list := trial(r.s3.ListObjectsV2, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, MaxKeys: aws.Int32(1)})
		trials["s3:ListBucket for "+from] = func(ctx context.Context) error {
			err := list(ctx)
			if awserr.HasCode(err, "NoSuchBucket") {
				return errors.New("there is no such bucket")
			}
			return err
		}
	}
	return trials
}

// trial makes a call and keeps nothing but its error.
func trial[In, Out, Option any](call func(context.Context, *In, ...Option) (*Out, error), in *In) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := call(ctx, in)
		return err
	}
}

// trials are the calls by which a removal confirms that a resource is gone.
func (l *lookUps) trials() map[string]func(context.Context) error {
	one, five := aws.Int32(1), aws.Int32(5)
	return map[string]func(context.Context) error{
		"ec2:DescribeAccountAttributes": trial(l.ec2.DescribeAccountAttributes, &ec2.DescribeAccountAttributesInput{}),
		"ec2:DescribeAddresses":         trial(l.ec2.DescribeAddresses, &ec2.DescribeAddressesInput{}),
		"ec2:DescribeInstances":         trial(l.ec2.DescribeInstances, &ec2.DescribeInstancesInput{MaxResults: five}),
		"ec2:DescribeSecurityGroups": trial(
			l.ec2.DescribeSecurityGroups,
			&ec2.DescribeSecurityGroupsInput{MaxResults: five},
		),
		"elasticbeanstalk:DescribeApplicationVersions": trial(l.beanstalk.DescribeApplicationVersions,
			&elasticbeanstalk.DescribeApplicationVersionsInput{MaxRecords: one}),
		"elasticloadbalancing:DescribeListeners": trial(l.balancing.DescribeListeners,
			&elasticloadbalancingv2.DescribeListenersInput{PageSize: one}),
		"elasticloadbalancing:DescribeLoadBalancers": trial(l.balancing.DescribeLoadBalancers,
			&elasticloadbalancingv2.DescribeLoadBalancersInput{PageSize: one}),
		"elasticloadbalancing:DescribeRules": trial(
			l.balancing.DescribeRules,
			&elasticloadbalancingv2.DescribeRulesInput{PageSize: one},
		),
		"elasticloadbalancing:DescribeTargetGroups": trial(l.balancing.DescribeTargetGroups,
			&elasticloadbalancingv2.DescribeTargetGroupsInput{PageSize: one}),
		"logs:DescribeLogGroups": trial(l.logs.DescribeLogGroups, &cloudwatchlogs.DescribeLogGroupsInput{Limit: one}),
		"rds:DescribeDBSubnetGroups": trial(
			l.rds.DescribeDBSubnetGroups,
			&rds.DescribeDBSubnetGroupsInput{MaxRecords: aws.Int32(20)},
		),
	}
}
