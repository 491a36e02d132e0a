package leftovers

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"perch/activities/awserr"
	"perch/activities/stack"
)

// lookUps asks a resource's own service whether the resource exists. The tagging API does not tell:
// for minutes to hours after a deletion it "returns all the tagged or previously tagged resources"
// (API reference, GetResources).
type lookUps struct {
	acm       *acm.Client
	beanstalk *elasticbeanstalk.Client
	balancing *elasticloadbalancingv2.Client
	cfn       *cloudformation.Client
	ec2       *ec2.Client
	logs      *cloudwatchlogs.Client
	rds       *rds.Client
	s3        *s3.Client
	secrets   *secretsmanager.Client
}

func newLookUps(cfg aws.Config) *lookUps {
	return &lookUps{
		acm: acm.NewFromConfig(cfg), beanstalk: elasticbeanstalk.NewFromConfig(cfg),
		cfn: cloudformation.NewFromConfig(cfg),
		balancing: elasticloadbalancingv2.NewFromConfig(
			cfg,
		), ec2: ec2.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg),
		rds: rds.NewFromConfig(cfg), s3: s3.NewFromConfig(cfg), secrets: secretsmanager.NewFromConfig(cfg),
	}
}

// presence says whether a resource exists, according to its own service.
type presence int

const (
	// presenceUnknown means that Perch has no call for this type of resource, or that the worker's
	// role lacks the permission for the call.
	presenceUnknown presence = iota
	presenceGone
	presenceThere
)

// lookUp reports whether the resource called name exists; full is its ARN.
type lookUp func(l *lookUps, ctx context.Context, full, name string) (bool, error)

// kindsOfResource has the look-ups by the service and the resource type in an ARN. The ARN of a
// bucket has no type.
var kindsOfResource = map[string]lookUp{
	"acm:certificate":                     (*lookUps).certificate,
	"cloudformation:stack":                (*lookUps).stack,
	"ec2:elastic-ip":                      (*lookUps).address,
	"ec2:instance":                        (*lookUps).instance,
	"ec2:security-group":                  (*lookUps).securityGroup,
	"elasticbeanstalk:applicationversion": (*lookUps).version,
	"elasticbeanstalk:environment":        (*lookUps).environment,
	"elasticloadbalancing:listener":       (*lookUps).listener,
	"elasticloadbalancing:loadbalancer":   (*lookUps).loadBalancer,
	"elasticloadbalancing:targetgroup":    (*lookUps).targetGroup,
	"logs:log-group":                      (*lookUps).logGroup,
	"rds:db":                              (*lookUps).database,
	"rds:cluster":                         (*lookUps).cluster,
	"rds:snapshot":                        (*lookUps).snapshot,
	"rds:subgrp":                          (*lookUps).subnetGroup,
	"s3:":                                 (*lookUps).bucket,
	"secretsmanager:secret":               (*lookUps).secret,
}

// goneCodes are the error codes by which services say that something does not exist.
var goneCodes = []string{
	"NotFound", "NoSuchBucket", "DBInstanceNotFound", "DBInstanceNotFoundFault", "DBSnapshotNotFound",
	"DBSnapshotNotFoundFault",
	"DBClusterNotFoundFault", "DBSubnetGroupNotFoundFault", "ResourceNotFoundException", "InvalidGroup.NotFound",
	"InvalidInstanceID.NotFound",
	"InvalidAllocationID.NotFound", "LoadBalancerNotFound", "ListenerNotFound", "TargetGroupNotFound",
}

// presence asks the resource's service. If the role lacks the permission, the result is
// presenceUnknown.
func (l *lookUps) presence(ctx context.Context, full string) (presence, error) {
	parsed, err := arn.Parse(full)
	if err != nil {
		return presenceUnknown, nil
	}
	kind, name := splitResource(parsed.Resource)
	look := kindsOfResource[parsed.Service+":"+kind]
	if look == nil {
		return presenceUnknown, nil
	}
	there, err := look(l, ctx, full, name)
	switch {
	case awserr.Denied(err):
		return presenceUnknown, nil
	case awserr.HasCode(err, goneCodes...):
		return presenceGone, nil
	case err != nil:
		return presenceUnknown, awserr.Wrap(err, "look for %s", full)
	case there:
		return presenceThere, nil
	}
	return presenceGone, nil
}

// splitResource splits the last part of an ARN, such as db:NAME or environment/APPLICATION/NAME.
func splitResource(resource string) (kind, name string) {
	if i := strings.IndexAny(resource, ":/"); i >= 0 {
		return resource[:i], resource[i+1:]
	}
	return "", resource
}

func (l *lookUps) certificate(ctx context.Context, full, _ string) (bool, error) {
	_, err := l.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &full})
	return err == nil, err
}

func (l *lookUps) stack(ctx context.Context, full, _ string) (bool, error) {
	out, err := l.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &full})
	if awserr.UnknownStack(err) {
		return false, nil
	}
	return err == nil && len(out.Stacks) > 0 && out.Stacks[0].StackStatus != stack.Deleted, err
}

func (l *lookUps) address(ctx context.Context, _, id string) (bool, error) {
	out, err := l.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{id}})
	return err == nil && len(out.Addresses) > 0, err
}

// instance looks for an instance. EC2 still describes a terminated one for about an hour (EC2 user
// guide, "Terminate").
func (l *lookUps) instance(ctx context.Context, _, id string) (bool, error) {
	out, err := l.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		return false, err
	}
	for _, reservation := range out.Reservations {
		for _, instance := range reservation.Instances {
			if instance.State == nil || instance.State.Name != "terminated" {
				return true, nil
			}
		}
	}
	return false, nil
}

func (l *lookUps) securityGroup(ctx context.Context, _, id string) (bool, error) {
	out, err := l.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	return err == nil && len(out.SecurityGroups) > 0, err
}

func (l *lookUps) environment(ctx context.Context, _, name string) (bool, error) {
	_, name, _ = strings.Cut(name, "/")
	out, err := l.beanstalk.DescribeEnvironments(
		ctx,
		&elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: []string{name}},
	)
	if err != nil {
		return false, err
	}
	for _, environment := range out.Environments {
		if environment.Status != ebtypes.EnvironmentStatusTerminated {
			return true, nil
		}
	}
	return false, nil
}

func (l *lookUps) version(ctx context.Context, _, name string) (bool, error) {
	application, label, _ := strings.Cut(name, "/")
	in := &elasticbeanstalk.DescribeApplicationVersionsInput{
		ApplicationName: &application, VersionLabels: []string{label},
	}
	out, err := l.beanstalk.DescribeApplicationVersions(ctx, in)
	return err == nil && len(out.ApplicationVersions) > 0, err
}

func (l *lookUps) loadBalancer(ctx context.Context, full, _ string) (bool, error) {
	in := &elasticloadbalancingv2.DescribeLoadBalancersInput{LoadBalancerArns: []string{full}}
	out, err := l.balancing.DescribeLoadBalancers(ctx, in)
	return err == nil && len(out.LoadBalancers) > 0, err
}

func (l *lookUps) listener(ctx context.Context, full, _ string) (bool, error) {
	in := &elasticloadbalancingv2.DescribeListenersInput{ListenerArns: []string{full}}
	out, err := l.balancing.DescribeListeners(ctx, in)
	return err == nil && len(out.Listeners) > 0, err
}

func (l *lookUps) targetGroup(ctx context.Context, full, _ string) (bool, error) {
	in := &elasticloadbalancingv2.DescribeTargetGroupsInput{TargetGroupArns: []string{full}}
	out, err := l.balancing.DescribeTargetGroups(ctx, in)
	return err == nil && len(out.TargetGroups) > 0, err
}

func (l *lookUps) logGroup(ctx context.Context, _, name string) (bool, error) {
	groups, err := l.logGroups(ctx, strings.TrimSuffix(name, ":*"))
	for _, group := range groups {
		if group == strings.TrimSuffix(name, ":*") {
			return true, err
		}
	}
	return false, err
}

// logGroups lists the names of the log groups that begin with prefix.
func (l *lookUps) logGroups(ctx context.Context, prefix string) (names []string, err error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(
		l.logs,
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &prefix},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, group := range page.LogGroups {
			names = append(names, aws.ToString(group.LogGroupName))
		}
	}
	return names, nil
}

func (l *lookUps) database(ctx context.Context, _, name string) (bool, error) {
	out, err := l.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name})
	return err == nil && len(out.DBInstances) > 0, err
}

func (l *lookUps) cluster(ctx context.Context, _, name string) (bool, error) {
	out, err := l.rds.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &name})
	return err == nil && len(out.DBClusters) > 0, err
}

func (l *lookUps) snapshot(ctx context.Context, _, name string) (bool, error) {
	out, err := l.rds.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: &name})
	return err == nil && len(out.DBSnapshots) > 0, err
}

func (l *lookUps) subnetGroup(ctx context.Context, _, name string) (bool, error) {
	out, err := l.rds.DescribeDBSubnetGroups(ctx, &rds.DescribeDBSubnetGroupsInput{DBSubnetGroupName: &name})
	return err == nil && len(out.DBSubnetGroups) > 0, err
}

func (l *lookUps) bucket(ctx context.Context, _, name string) (bool, error) {
	_, err := l.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	return err == nil, err
}

// secret looks for a secret. A secret with a deletion date counts as deleted: it can no longer be
// read, and Secrets Manager deletes it on that date.
func (l *lookUps) secret(ctx context.Context, full, _ string) (bool, error) {
	out, err := l.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &full})
	return err == nil && out.DeletedDate == nil, err
}
