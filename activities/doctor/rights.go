package doctor

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
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
)

// noName is a name that nothing has: no other application can have an environment of this name, and
// no bucket has this key.
const noName = "none"

// These calls are not tried. Those of untried would change something, and no other call shows
// whether they are allowed. Those of occasional are needed only if a project has such seed steps or
// databases, and are granted for single instances and secrets.
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
		"DeleteDBSubnetGroup",
		"DeleteSecurityGroup",
		"DeleteSecret",
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

// roleRights tries which calls the worker's role allows.
type roleRights struct {
	policy    *perch.Policy
	stacks    *cloudformation.Client
	s3        *s3.Client
	beanstalk *elasticbeanstalk.Client
	rds       *rds.Client
	tagging   *resourcegroupstaggingapi.Client
	balancing *elasticloadbalancingv2.Client
	ec2       *ec2.Client
	logs      *cloudwatchlogs.Client
	route53   *route53.Client
}

func newRoleRights(cfg aws.Config, policy *perch.Policy) *roleRights {
	return &roleRights{
		policy: policy, stacks: cloudformation.NewFromConfig(cfg), s3: s3.NewFromConfig(cfg),
		beanstalk: elasticbeanstalk.NewFromConfig(cfg), rds: rds.NewFromConfig(cfg),
		tagging: resourcegroupstaggingapi.NewFromConfig(cfg), balancing: elasticloadbalancingv2.NewFromConfig(cfg),
		ec2: ec2.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg), route53: route53.NewFromConfig(cfg),
	}
}

// tryAll tries all calls and names the missing permissions. Without a bucket, it leaves out the
// calls that need one.
func (r *roleRights) tryAll(ctx context.Context, bucket string) (string, error) {
	trials := r.accountTrials()
	if bucket != "" {
		maps.Copy(trials, r.bucketTrials(bucket))
	}
	maps.Copy(trials, r.seedTrials())
	maps.Copy(trials, r.nameTrials())
	maps.Copy(trials, r.removalTrials())
	lacking, unanswered := r.tryCalls(ctx, trials)
	switch {
	case len(lacking) > 0:
		return "", fmt.Errorf(
			"the worker's role lacks %s, or a policy above it denies that; give it these permissions",
			strings.Join(lacking, ", "),
		)
	case len(unanswered) > 0:
		return "", fmt.Errorf("AWS does not say whether these are allowed: %s", strings.Join(unanswered, "; "))
	}
	without := fmt.Sprintf(
		"not tried: what would change something (%s, iam:PassRole), what only some projects need (%s), and what the "+
			"service role may do",
		strings.Join(untried, ", "),
		strings.Join(occasional, ", "),
	)
	if bucket == "" {
		without += "; nor anything in a bucket, since there is no application stack"
	}
	return fmt.Sprintf("%d calls are allowed; %s", len(trials), without), nil
}

// tryCalls tries the calls concurrently.
func (r *roleRights) tryCalls(
	ctx context.Context,
	trials map[string]func(context.Context) error,
) (lacking, unanswered []string) {
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
		case !isDecided(err):
			unanswered = append(unanswered, action+" ("+errorWords(err)+")")
		}
	}
	return lacking, unanswered
}

// isDecided reports whether AWS allowed the call: it answered, or it looked for what the call names
// and did not find it.
func isDecided(err error) bool {
	var answer interface{ HTTPStatusCode() int }
	if err == nil {
		return true
	}
	return errors.As(err, &answer) && answer.HTTPStatusCode()/100 == 4 && !awserr.Throttled(err)
}

// errorWords returns the message of an error without what the SDK or Temporal writes around it.
func errorWords(err error) string {
	var told interface{ Message() string }
	if errors.As(err, &told) {
		return told.Message()
	}
	return awserr.Sentence(err)
}

// accountTrials are calls that name things that do not exist. AWS checks permissions before it
// looks for the thing, so the answer tells whether the call is allowed, and nothing changes: no
// stack has this id, and a template without resources creates none.
func (r *roleRights) accountTrials() map[string]func(context.Context) error {
	name := perch.ApplicationStackName(r.policy.Project, noName)
	id := aws.String(
		fmt.Sprintf(
			"arn:aws:cloudformation:%s:%s:stack/%s/00000000-0000-0000-0000-000000000000",
			r.policy.Region,
			r.policy.Account,
			name,
		),
	)
	empty := aws.String("{}")
	return map[string]func(context.Context) error{
		"cloudformation:CreateStack": tryCall(
			r.stacks.CreateStack,
			&cloudformation.CreateStackInput{StackName: &name, TemplateBody: empty},
		),
		"cloudformation:UpdateStack": tryCall(
			r.stacks.UpdateStack,
			&cloudformation.UpdateStackInput{StackName: id, TemplateBody: empty},
		),
		"cloudformation:DeleteStack": tryCall(
			r.stacks.DeleteStack,
			&cloudformation.DeleteStackInput{StackName: id},
		),
		"cloudformation:CancelUpdateStack": tryCall(
			r.stacks.CancelUpdateStack,
			&cloudformation.CancelUpdateStackInput{StackName: id},
		),
		"cloudformation:ContinueUpdateRollback": tryCall(
			r.stacks.ContinueUpdateRollback,
			&cloudformation.ContinueUpdateRollbackInput{StackName: id},
		),
		"cloudformation:RollbackStack": tryCall(
			r.stacks.RollbackStack,
			&cloudformation.RollbackStackInput{StackName: id},
		),
		"cloudformation:DescribeStacks": tryCall(
			r.stacks.DescribeStacks,
			&cloudformation.DescribeStacksInput{},
		),
		"cloudformation:DescribeStackEvents": tryCall(
			r.stacks.DescribeStackEvents,
			&cloudformation.DescribeStackEventsInput{StackName: id},
		),
		"cloudformation:DescribeStackResource": tryCall(
			r.stacks.DescribeStackResource,
			&cloudformation.DescribeStackResourceInput{StackName: id, LogicalResourceId: aws.String("None")},
		),
		"cloudformation:DescribeChangeSet": tryCall(
			r.stacks.DescribeChangeSet,
			&cloudformation.DescribeChangeSetInput{StackName: id, ChangeSetName: aws.String(noName)},
		),
		"cloudformation:ListChangeSets": tryCall(
			r.stacks.ListChangeSets,
			&cloudformation.ListChangeSetsInput{StackName: id},
		),
		"cloudformation:ValidateTemplate": tryCall(
			r.stacks.ValidateTemplate,
			&cloudformation.ValidateTemplateInput{TemplateBody: empty},
		),
		"cloudformation:GetTemplate": tryCall(
			r.stacks.GetTemplate,
			&cloudformation.GetTemplateInput{StackName: id},
		),
		"cloudformation:ListImports": tryCall(
			r.stacks.ListImports,
			&cloudformation.ListImportsInput{ExportName: &name},
		),
		"cloudformation:ListStacks": tryCall(
			r.stacks.ListStacks,
			&cloudformation.ListStacksInput{},
		),
		"cloudformation:ListStackResources": tryCall(
			r.stacks.ListStackResources,
			&cloudformation.ListStackResourcesInput{StackName: id},
		),

		"elasticbeanstalk:DescribeEnvironments": tryCall(
			r.beanstalk.DescribeEnvironments,
			&elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: []string{name}},
		),
		"elasticbeanstalk:DescribeEvents": tryCall(
			r.beanstalk.DescribeEvents,
			&elasticbeanstalk.DescribeEventsInput{EnvironmentName: &name, MaxRecords: aws.Int32(1)},
		),
		"logs:FilterLogEvents": tryCall(
			r.logs.FilterLogEvents,
			&cloudwatchlogs.FilterLogEventsInput{
				LogGroupName: aws.String("/aws/elasticbeanstalk/" + name + "/" + noName),
			},
		),
		"elasticbeanstalk:ListAvailableSolutionStacks": tryCall(
			r.beanstalk.ListAvailableSolutionStacks,
			&elasticbeanstalk.ListAvailableSolutionStacksInput{},
		),

		"rds:DescribeDBClusters": tryCall(
			r.rds.DescribeDBClusters,
			&rds.DescribeDBClustersInput{DBClusterIdentifier: &name},
		),
		"rds:DescribeDBInstances": tryCall(
			r.rds.DescribeDBInstances,
			&rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name},
		),
		"rds:DescribeDBSnapshots": tryCall(
			r.rds.DescribeDBSnapshots,
			&rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: &name},
		),
		"tag:GetResources": tryCall(
			r.tagging.GetResources,
			&resourcegroupstaggingapi.GetResourcesInput{ResourcesPerPage: aws.Int32(1)},
		),
	}
}

// bucketTrials are calls for the application's bucket, whose name has the same form as those of the
// project's other buckets.
func (r *roleRights) bucketTrials(bucket string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"s3:GetObject": tryCall(
			r.s3.GetObject,
			&s3.GetObjectInput{Bucket: &bucket, Key: aws.String(noName)},
		),
		"s3:GetObject for HeadObject": tryCall(
			r.s3.HeadObject,
			&s3.HeadObjectInput{Bucket: &bucket, Key: aws.String(noName)},
		),
		"s3:ListBucket":      tryCall(r.s3.HeadBucket, &s3.HeadBucketInput{Bucket: &bucket}),
		"s3:GetBucketPolicy": tryCall(r.s3.GetBucketPolicy, &s3.GetBucketPolicyInput{Bucket: &bucket}),
		"s3:GetBucketTagging": tryCall(
			r.s3.GetBucketTagging,
			&s3.GetBucketTaggingInput{Bucket: &bucket},
		),
		"s3:GetBucketObjectLockConfiguration": tryCall(
			r.s3.GetObjectLockConfiguration,
			&s3.GetObjectLockConfigurationInput{Bucket: &bucket},
		),
		"s3:ListBucketVersions": tryCall(
			r.s3.ListObjectVersions,
			&s3.ListObjectVersionsInput{Bucket: &bucket, MaxKeys: aws.Int32(1)},
		),
		"s3:ListBucketMultipartUploads": tryCall(
			r.s3.ListMultipartUploads,
			&s3.ListMultipartUploadsInput{Bucket: &bucket, MaxUploads: aws.Int32(1)},
		),
		"s3:AbortMultipartUpload": tryCall(
			r.s3.AbortMultipartUpload,
			&s3.AbortMultipartUploadInput{Bucket: &bucket, Key: aws.String(noName), UploadId: aws.String(noName)},
		),
	}
}

// seedTrials list the buckets that seed data may come from. If the policy does not name a whole
// bucket, the call cannot be tried.
func (r *roleRights) seedTrials() map[string]func(context.Context) error {
	trials := map[string]func(context.Context) error{}
	for _, from := range r.policy.Seeds.From {
		bucket, prefix, whole := strings.Cut(strings.TrimPrefix(from, "s3://"), "/")
		if !whole {
			continue
		}
		list := tryCall(
			r.s3.ListObjectsV2,
			&s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, MaxKeys: aws.Int32(1)},
		)
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

// nameTrials are about the domain; none without one. checkDomain shows whether its zone can be
// listed.
func (r *roleRights) nameTrials() map[string]func(context.Context) error {
	if r.policy.Domain == "" {
		return nil
	}
	in := &route53.TestDNSAnswerInput{
		HostedZoneId: &r.policy.HostedZone, RecordName: &r.policy.Domain, RecordType: types.RRTypeA,
	}
	return map[string]func(context.Context) error{"route53:TestDNSAnswer": tryCall(r.route53.TestDNSAnswer, in)}
}

// tryCall makes a call and returns only its error.
func tryCall[In, Out, Option any](
	call func(context.Context, *In, ...Option) (*Out, error),
	in *In,
) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := call(ctx, in)
		return err
	}
}

// removalTrials are the calls with which a removal confirms that a resource is deleted.
func (r *roleRights) removalTrials() map[string]func(context.Context) error {
	one, five := aws.Int32(1), aws.Int32(5)
	return map[string]func(context.Context) error{
		"ec2:DescribeAccountAttributes": tryCall(
			r.ec2.DescribeAccountAttributes,
			&ec2.DescribeAccountAttributesInput{},
		),
		"ec2:DescribeAddresses": tryCall(r.ec2.DescribeAddresses, &ec2.DescribeAddressesInput{}),
		"ec2:DescribeInstances": tryCall(
			r.ec2.DescribeInstances,
			&ec2.DescribeInstancesInput{MaxResults: five},
		),
		"ec2:DescribeSecurityGroups": tryCall(
			r.ec2.DescribeSecurityGroups,
			&ec2.DescribeSecurityGroupsInput{MaxResults: five},
		),
		"elasticbeanstalk:DescribeApplicationVersions": tryCall(r.beanstalk.DescribeApplicationVersions,
			&elasticbeanstalk.DescribeApplicationVersionsInput{MaxRecords: one}),
		"elasticloadbalancing:DescribeListeners": tryCall(r.balancing.DescribeListeners,
			&elasticloadbalancingv2.DescribeListenersInput{PageSize: one}),
		"elasticloadbalancing:DescribeLoadBalancers": tryCall(r.balancing.DescribeLoadBalancers,
			&elasticloadbalancingv2.DescribeLoadBalancersInput{PageSize: one}),
		"elasticloadbalancing:DescribeRules": tryCall(
			r.balancing.DescribeRules,
			&elasticloadbalancingv2.DescribeRulesInput{PageSize: one},
		),
		"elasticloadbalancing:DescribeTargetGroups": tryCall(r.balancing.DescribeTargetGroups,
			&elasticloadbalancingv2.DescribeTargetGroupsInput{PageSize: one}),
		"logs:DescribeLogGroups": tryCall(r.logs.DescribeLogGroups, &cloudwatchlogs.DescribeLogGroupsInput{Limit: one}),
		"rds:DescribeDBSubnetGroups": tryCall(
			r.rds.DescribeDBSubnetGroups,
			&rds.DescribeDBSubnetGroupsInput{MaxRecords: aws.Int32(20)},
		),
	}
}
