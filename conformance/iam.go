package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

var roleAssumptions = []Assumption{
	{
		Name: "iam/service-role-is-used",
		Sentence: "CloudFormation creates resources with the stack's service role. If the role lacks a permission, " +
			"the resource fails, and the reason names the action.",
		Source:   guide + "using-iam-servicerole.html",
		ReliedOn: "deploy/iam/cloudformation.json", Minutes: 4, check: checkServiceRole,
	},
	{
		Name:     "iam/alarms-need-the-right-to-tag",
		Sentence: "An alarm in a stack with tags fails if the service role lacks cloudwatch:TagResource.",
		Source:   "https://github.com/aws/aws-parallelcluster/issues/7331",
		ReliedOn: "deploy/iam/elasticbeanstalk-instances.json", Minutes: 4, check: checkAlarmTags,
	},
	{
		Name: "iam/log-group-names-do-not-allow-listing",
		Sentence: "A statement whose resources are log groups does not allow logs:DescribeLogGroups, even with a " +
			"prefix of their names.",
		Source:   "https://github.com/hashicorp/terraform-provider-aws/issues/8804",
		ReliedOn: "deploy/iam/elasticbeanstalk.json", Minutes: 4, check: checkLogGroups,
	},
}

// trustService returns the property of a role that lets an AWS service assume the role.
func trustService(service string) string {
	return trustPrincipal("Service: " + service + ".amazonaws.com")
}

// trustPrincipal returns the property of a role that lets a principal assume the role.
func trustPrincipal(principal string) string {
	return `AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, ` +
		`Principal: {` + principal + `}, Action: "sts:AssumeRole"}]}, `
}

// createRole creates a stack with a role that has the permissions in statement, and returns the
// role's ARN.
func (w *World) createRole(ctx context.Context, trust, statement string) (string, error) {
	stack, err := w.createStack(ctx, "-role", template("Role: {Type: AWS::IAM::Role, Properties: {"+trust+
		`Policies: [{PolicyName: rights, PolicyDocument: {Version: "2012-10-17", Statement: [{`+
		`Effect: Allow, `+statement+`}]}}]}}`))
	if err != nil {
		return "", err
	}
	name, err := w.physicalID(ctx, stack, "Role")
	return "arn:aws:iam::" + w.target.Account + ":role/" + name, err
}

func checkServiceRole(ctx context.Context, w *World) error {
	actions := `"ssm:AddTagsToResource", "ssm:GetParameters", "ssm:DeleteParameter"`
	return w.wantDenied(ctx, actions, parameter("1"), "Thing", "ssm:PutParameter")
}

// alarm is an alarm on a metric that does not exist. An alarm costs 10 US cents a month, so a few
// minutes cost almost nothing (AWS pricing: CloudWatch).
const alarm = "Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {Namespace: perch, MetricName: conformance, " +
	"Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: GreaterThanThreshold}}"

func checkAlarmTags(ctx context.Context, w *World) error {
	actions := `"cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource", ` +
		`"cloudwatch:DeleteAlarms"`
	return w.wantDenied(ctx, actions, alarm, "Alarm", "cloudwatch:TagResource")
}

// wantDenied creates a stack with one resource and a service role that allows only actions. It
// checks that the creation of the resource fails with a reason that names the action missing.
func (w *World) wantDenied(ctx context.Context, actions, resource, logicalID, missing string) error {
	role, err := w.createRole(ctx, trustService("cloudformation"), "Action: ["+actions+`], Resource: "*"`)
	if err != nil {
		return err
	}
	in := w.createInput("", template(resource))
	in.RoleARN = &role
	stack := ""
	// CloudFormation cannot assume a new role for some seconds (AWS docs: IAM, "Changes that I make
	// are not always immediately visible").
	err = w.waitUntil(ctx, "CloudFormation can assume the new role", func() (bool, error) {
		stack, err = w.startCreate(ctx, in)
		if err != nil && strings.Contains(err.Error(), "cannot be assumed") {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return err
	}
	if err := w.wantStatus(ctx, stack, types.StackStatusRollbackComplete); err != nil {
		return err
	}
	reason := w.firstFailure(ctx, stack)
	if !strings.HasPrefix(reason, logicalID+": ") || !strings.Contains(reason, missing) {
		return differencef(
			"the first failure is %q, want a failure of the resource %s that names %s", reason, logicalID, missing,
		)
	}
	return nil
}

// assumeNewRole creates a role that has the permissions in statement, and assumes it. The World
// that it returns makes its calls with the role.
func (w *World) assumeNewRole(ctx context.Context, statement string) (*World, error) {
	role, err := w.createRole(ctx, trustPrincipal(`AWS: "arn:aws:iam::`+w.target.Account+`:root"`), statement)
	if err != nil {
		return nil, err
	}
	target := w.target
	err = w.waitUntil(ctx, "the new role can be assumed", func() (bool, error) {
		out, err := sts.NewFromConfig(w.target.Config).AssumeRole(ctx, &sts.AssumeRoleInput{
			RoleArn: &role, RoleSessionName: aws.String("conformance"),
		})
		if hasCode(err, "AccessDenied") {
			return false, nil
		}
		if err := wantAccepted("AssumeRole", err); err != nil {
			return false, err
		}
		target.Config.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(out.Credentials.AccessKeyId),
			aws.ToString(out.Credentials.SecretAccessKey), aws.ToString(out.Credentials.SessionToken))
		return true, nil
	})
	return newWorld(target, w.run, "iam/"+w.name), err
}

func checkLogGroups(ctx context.Context, w *World) error {
	group := "/perch-conformance/" + w.run
	arn := "arn:aws:logs:" + w.target.Config.Region + ":" + w.target.Account + ":log-group:" + group
	caller, err := w.assumeNewRole(ctx, `Action: "logs:*", Resource: "`+arn+`*"`)
	if err != nil {
		return err
	}
	logs := cloudwatchlogs.NewFromConfig(caller.target.Config)
	// The role's policy also takes effect only after some seconds. From then on, the policy allows
	// the call, which fails because the group does not exist.
	err = w.waitUntil(ctx, "the new role's permissions take effect", func() (bool, error) {
		_, err := logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &group})
		if hasCode(err, "AccessDeniedException") {
			return false, nil
		}
		return true, wantRejected("DeleteLogGroup", err, "ResourceNotFoundException", "")
	})
	if err != nil {
		return err
	}
	_, err = logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
	return wantRejected("DescribeLogGroups", err, "AccessDeniedException", "logs:DescribeLogGroups")
}
