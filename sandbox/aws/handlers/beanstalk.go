package handlers

import (
	"maps"
	"slices"
	"strings"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/resource"
)

// beanstalkCalls are calls that Elastic Beanstalk makes, with the rights of its caller, when an
// environment is created, changed or terminated. They are from AWS's policies
// AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy (v12) and
// AdministratorAccess-AWSElasticBeanstalk (v9), without those for features that the project's
// templates do not use: ECS, worker tiers, classic load balancers, launch configurations.
type beanstalkCalls struct {
	// phases are the phases in which the calls are made.
	phases string
	// only limits the calls to some environments: balanced, single or shared; empty for all.
	only string
	// resource is what the calls act on. STACK is the environment's own stack, GROUP its Auto
	// Scaling group, SHARED the path of the shared load balancer, and NAME the environment.
	resource string
	actions  []string
}

const (
	always = "create update delete"
	made   = "create update"
	arnEC2 = "arn:aws:ec2:REGION:ACCOUNT:"
	arnELB = "arn:aws:elasticloadbalancing:REGION:ACCOUNT:"
)

var beanstalkTable = []beanstalkCalls{
	{
		always,
		"",
		"*",
		[]string{
			"autoscaling:DescribeAccountLimits",
			"autoscaling:DescribeAutoScalingGroups",
			"autoscaling:DescribeAutoScalingInstances",
			"autoscaling:DescribeLaunchConfigurations",
			"autoscaling:DescribeLoadBalancers",
			"autoscaling:DescribeNotificationConfigurations",
			"autoscaling:DescribePolicies",
			"autoscaling:DescribeScalingActivities",
			"autoscaling:DescribeScheduledActions",
			"autoscaling:DescribeTags",
			"cloudformation:ValidateTemplate",
			"ec2:DescribeAccountAttributes",
			"ec2:DescribeAddresses",
			"ec2:DescribeAvailabilityZones",
			"ec2:DescribeImages",
			"ec2:DescribeInstanceAttribute",
			"ec2:DescribeInstances",
			"ec2:DescribeInstanceStatus",
			"ec2:DescribeInstanceTypes",
			"ec2:DescribeKeyPairs",
			"ec2:DescribeLaunchTemplates",
			"ec2:DescribeLaunchTemplateVersions",
			"ec2:DescribeSecurityGroups",
			"ec2:DescribeSnapshots",
			"ec2:DescribeSpotInstanceRequests",
			"ec2:DescribeSubnets",
			"ec2:DescribeVpcs",
			"elasticloadbalancing:DescribeInstanceHealth",
			"elasticloadbalancing:DescribeListeners",
			"elasticloadbalancing:DescribeLoadBalancers",
			"elasticloadbalancing:DescribeRules",
			"elasticloadbalancing:DescribeTags",
			"elasticloadbalancing:DescribeTargetGroups",
			"elasticloadbalancing:DescribeTargetHealth",
			"logs:DescribeLogGroups",
			"sns:ListSubscriptionsByTopic",
		},
	},
	{made, "", "*", []string{"elasticbeanstalk:CreateStorageLocation"}},

	{always, "", "arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*", []string{
		"cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResource",
		"cloudformation:DescribeStackResources",
		"cloudformation:DescribeStacks", "cloudformation:GetTemplate", "cloudformation:ListStackResources",
	}},
	{
		"create",
		"",
		"arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*",
		[]string{"cloudformation:CreateStack", "cloudformation:TagResource"},
	},
	{"update", "", "arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*", []string{
		"cloudformation:CancelUpdateStack", "cloudformation:ContinueUpdateRollback", "cloudformation:SignalResource",
		"cloudformation:UntagResource", "cloudformation:UpdateStack",
	}},
	{"delete", "", "arn:aws:cloudformation:REGION:ACCOUNT:stack/STACK/*", []string{"cloudformation:DeleteStack"}},

	{made, "", groups, []string{
		"autoscaling:CreateAutoScalingGroup", "autoscaling:CreateOrUpdateTags",
		"autoscaling:PutNotificationConfiguration",
		"autoscaling:PutScheduledUpdateGroupAction", "autoscaling:ResumeProcesses", "autoscaling:SetDesiredCapacity",
		"autoscaling:SuspendProcesses", "autoscaling:UpdateAutoScalingGroup",
	}},
	{"update", "", groups, []string{
		"autoscaling:AttachInstances", "autoscaling:DetachInstances", "autoscaling:TerminateInstanceInAutoScalingGroup",
	}},
	{made, "balanced", groups, []string{"autoscaling:PutScalingPolicy"}},
	{"delete", "", groups, []string{"autoscaling:DeleteAutoScalingGroup", "autoscaling:DeleteScheduledAction"}},
	{"delete", "balanced", groups, []string{"autoscaling:DeletePolicy"}},

	{
		made,
		"",
		arnEC2 + "launch-template/*",
		[]string{"ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "ec2:RunInstances"},
	},
	{made, "", arnEC2 + "instance/*", []string{"ec2:RunInstances", "ec2:CreateTags"}},
	{made, "", arnEC2 + "network-interface/*", []string{"ec2:RunInstances"}},
	{made, "", arnEC2 + "volume/*", []string{"ec2:RunInstances"}},
	{made, "", arnEC2 + "subnet/subnet-1", []string{"ec2:RunInstances"}},
	{
		made,
		"",
		arnEC2 + "security-group/sg-1",
		[]string{
			"ec2:AuthorizeSecurityGroupEgress",
			"ec2:AuthorizeSecurityGroupIngress",
			"ec2:CreateSecurityGroup",
			"ec2:RunInstances",
		},
	},
	{made, "", "arn:aws:ec2:REGION::image/ami-1", []string{"ec2:RunInstances"}},
	{"update delete", "", arnEC2 + "instance/i-1", []string{"ec2:TerminateInstances"}},
	{"delete", "", arnEC2 + "launch-template/lt-1", []string{"ec2:DeleteLaunchTemplate"}},
	{"update", "", arnEC2 + "launch-template/lt-1", []string{"ec2:DeleteLaunchTemplateVersions"}},
	{"delete", "", arnEC2 + "security-group/sg-1", []string{
		"ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
	}},
	{made, "single", arnEC2 + "elastic-ip/eipalloc-1", []string{"ec2:AllocateAddress", "ec2:AssociateAddress"}},
	{"delete", "single", arnEC2 + "elastic-ip/eipalloc-1", []string{"ec2:DisassociateAddress", "ec2:ReleaseAddress"}},

	{made, "balanced", arnELB + "targetgroup/awseb-AWSEB-1/1", []string{
		"elasticloadbalancing:AddTags", "elasticloadbalancing:CreateTargetGroup",
		"elasticloadbalancing:DeregisterTargets",
		"elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RegisterTargets",
	}},
	{"delete", "balanced", arnELB + "targetgroup/awseb-AWSEB-1/1", []string{"elasticloadbalancing:DeleteTargetGroup"}},
	{made, "shared", arnELB + "listener/app/SHARED/1", []string{"elasticloadbalancing:CreateRule"}},
	{made, "shared", arnELB + "listener-rule/app/SHARED/1/1", []string{
		"elasticloadbalancing:AddTags", "elasticloadbalancing:ModifyRule", "elasticloadbalancing:SetRulePriorities",
	}},
	{"delete", "shared", arnELB + "listener-rule/app/SHARED/1/1", []string{"elasticloadbalancing:DeleteRule"}},
	{made, "dedicated", arnELB + "loadbalancer/app/awseb-AWSEB-1/1", []string{
		"elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener",
		"elasticloadbalancing:CreateLoadBalancer",
		"elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:SetSecurityGroups",
	}},
	{"delete", "dedicated", arnELB + "listener/app/awseb-AWSEB-1/1/1", []string{"elasticloadbalancing:DeleteListener"}},
	{
		"delete",
		"dedicated",
		arnELB + "loadbalancer/app/awseb-AWSEB-1/1",
		[]string{"elasticloadbalancing:DeleteLoadBalancer"},
	},

	{made, "balanced", "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:STACK-AWSEBCloudwatchAlarmHigh-1", []string{
		"cloudwatch:PutMetricAlarm", "cloudwatch:TagResource",
	}},
	{
		"delete",
		"balanced",
		"arn:aws:cloudwatch:REGION:ACCOUNT:alarm:STACK-AWSEBCloudwatchAlarmHigh-1",
		[]string{"cloudwatch:DeleteAlarms"},
	},

	{made, "", "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/elasticbeanstalk/NAME/var/log/eb-engine.log:*", []string{
		"logs:CreateLogGroup", "logs:PutRetentionPolicy",
	}},
	{
		"delete",
		"",
		"arn:aws:logs:REGION:ACCOUNT:log-group:/aws/elasticbeanstalk/NAME/var/log/eb-engine.log:*",
		[]string{"logs:DeleteLogGroup"},
	},

	{made, "", "arn:aws:s3:::elasticbeanstalk-REGION-ACCOUNT", []string{
		"s3:CreateBucket", "s3:GetBucketLocation", "s3:GetBucketPolicy", "s3:ListBucket",
		"s3:PutBucketOwnershipControls",
		"s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
	}},
	{made, "", "arn:aws:s3:::elasticbeanstalk-REGION-ACCOUNT/resources/environments/e-1/_runtime/_versions/a/" +
		"b", []string{
		"s3:DeleteObject", "s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectVersion", "s3:GetObjectVersionAcl",
		"s3:PutObject",
		"s3:PutObjectAcl", "s3:PutObjectVersionAcl",
	}},

	{"create", "", "arn:aws:sns:REGION:ACCOUNT:ElasticBeanstalkNotifications-Environment-NAME", []string{
		"sns:CreateTopic", "sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:Subscribe",
	}},
	{
		"delete",
		"",
		"arn:aws:sns:REGION:ACCOUNT:ElasticBeanstalkNotifications-Environment-NAME",
		[]string{"sns:DeleteTopic"},
	},
}

const groups = "arn:aws:autoscaling:REGION:ACCOUNT:autoScalingGroup:1:" +
	"autoScalingGroupName/STACK-AWSEBAutoScalingGroup-1"

// linkedBeanstalk are the roles that services create for themselves with the first environment of
// an account.
var linkedBeanstalk = []string{
	"autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
	"elasticbeanstalk.amazonaws.com/AWSServiceRoleForElasticBeanstalk",
	"elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
}

// OperationRights returns the rights that the caller of an operation on an environment needs for
// the calls that Elastic Beanstalk then makes. phase is update or delete.
func OperationRights(account Account, phase string, environment resource.Request) []access.Request {
	return target{account: account, phase: phase, Request: environment}.beanstalk()
}

// beanstalk returns the rights that Elastic Beanstalk's calls for the environment need.
func (t target) beanstalk() []access.Request {
	shared := t.option("aws:elbv2:loadbalancer", "SharedLoadBalancer")
	single := t.option("aws:elasticbeanstalk:environment", "EnvironmentType") == "SingleInstance"
	is := map[string]bool{
		"":          true,
		"single":    single,
		"balanced":  !single,
		"shared":    !single && shared != "",
		"dedicated": !single && shared == "",
	}
	_, path, _ := strings.Cut(shared, ":loadbalancer/app/")
	id := "e-" + t.Suffix[:min(len(t.Suffix), 10)]
	stack := "awseb-" + id + "-stack"
	fill := strings.NewReplacer(
		"REGION",
		t.account.Region,
		"ACCOUNT",
		t.account.ID,
		"STACK",
		stack,
		"SHARED",
		path,
		"NAME",
		t.name("EnvironmentName"),
	)
	tags := t.tags()
	tags["elasticbeanstalk:environment-name"], tags["elasticbeanstalk:environment-id"] = t.name("EnvironmentName"), id
	tags["aws:cloudformation:stack-name"], tags["aws:cloudformation:stack-id"] = stack, t.arn(
		"cloudformation",
		"stack/"+stack+"/1",
	)
	keys := tagKeys(tags, true)
	keys["ec2:launchtemplate"] = []string{t.arn("ec2", "launch-template/lt-1")}
	keys["ec2:createaction"] = []string{"RunInstances"}
	// AWS does not document that its security groups have the environment's tags, only that they
	// have those of Elastic Beanstalk's stack.
	maps.DeleteFunc(tags, func(key, _ string) bool {
		return !strings.HasPrefix(key, "aws:") && !strings.HasPrefix(key, "elasticbeanstalk:")
	})
	own := tagKeys(tags, true)
	own["ec2:launchtemplate"] = keys["ec2:launchtemplate"]
	var rights []access.Request
	for _, row := range beanstalkTable {
		if !is[row.only] || !slices.Contains(strings.Fields(row.phases), t.phase) {
			continue
		}
		with := keys
		if strings.Contains(row.resource, "security-group/") {
			with = own
		}
		for _, action := range row.actions {
			rights = append(rights, access.Request{Action: action, Resource: fill.Replace(row.resource), Keys: with})
		}
	}
	if t.phase == "create" {
		for _, role := range linkedBeanstalk {
			rights = append(rights, linkedRole(t, role)...)
		}
	}
	return rights
}

// option returns the value of an environment's option setting.
func (t target) option(namespace, name string) string {
	settings, _ := t.Properties["OptionSettings"].([]any)
	for _, setting := range settings {
		fields, _ := setting.(map[string]any)
		if fields["Namespace"] == namespace && fields["OptionName"] == name {
			value, _ := fields["Value"].(string)
			return value
		}
	}
	return ""
}
