package checks

// kind is what CloudFormation must be allowed in order to make, read, change and delete resources
// of one type. The actions are those of the type's handlers in CloudFormation's registry, as far as
// the templates' properties need them; of types without such handlers, those of the calls that make
// them.
type kind struct {
	actions   []string
	resources []string
	// properties are all that the templates give, with what each needs beside the type's own
	// actions.
	properties map[string][]string
}

// plain are properties that need nothing beside the type's own actions.
func plain(names ...string) map[string][]string {
	properties := map[string][]string{}
	for _, name := range names {
		properties[name] = nil
	}
	return properties
}

// with adds what one property needs.
func with(properties map[string][]string, name string, actions ...string) map[string][]string {
	properties[name] = actions
	return properties
}

const beanstalkARN = "arn:aws:elasticbeanstalk:REGION:ACCOUNT:"

var beanstalkResources = []string{
	beanstalkARN + "application/PROJECT-application-*", beanstalkARN + "applicationversion/PROJECT-application-*",
	beanstalkARN + "configurationtemplate/PROJECT-application-*",
	beanstalkARN + "environment/PROJECT-application-*", "arn:aws:elasticbeanstalk:REGION::platform/*",
	"arn:aws:elasticbeanstalk:REGION::solutionstack/*",
}

// kinds are the types of the application's and the environment's template.
var kinds = map[string]kind{
	"AWS::CertificateManager::Certificate": {
		[]string{
			"acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:DescribeCertificate",
			"acm:ListTagsForCertificate",
			"acm:RemoveTagsFromCertificate", "acm:RequestCertificate",
			"acm:UpdateCertificateOptions",
		},
		[]string{
			"arn:aws:acm:REGION:ACCOUNT:certificate/*",
		}, plain("DomainName", "DomainValidationOptions", "Tags", "ValidationMethod"),
	},
	"AWS::EC2::SecurityGroup": {
		[]string{
			"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateSecurityGroup",
			"ec2:CreateTags", "ec2:DeleteSecurityGroup", "ec2:DeleteTags",
			"ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:RevokeSecurityGroupEgress",
			"ec2:RevokeSecurityGroupIngress",
		},
		[]string{securityGroups}, plain("GroupDescription", "SecurityGroupIngress", "Tags", "VpcId"),
	},
	"AWS::ElasticBeanstalk::Application": {
		[]string{
			"elasticbeanstalk:AddTags", "elasticbeanstalk:CreateApplication", "elasticbeanstalk:DeleteApplication",
			"elasticbeanstalk:DescribeApplications", "elasticbeanstalk:UpdateApplication",
		},
		beanstalkResources, with(
			plain("ApplicationName", "Description"), "ResourceLifecycleConfig",
			"elasticbeanstalk:UpdateApplicationResourceLifecycle",
		),
	},
	"AWS::ElasticBeanstalk::ApplicationVersion": {
		[]string{
			"elasticbeanstalk:CreateApplicationVersion", "elasticbeanstalk:DeleteApplicationVersion",
			"elasticbeanstalk:DescribeApplicationVersions", "elasticbeanstalk:UpdateApplicationVersion",
		},
		beanstalkResources, plain("ApplicationName", "Description", "SourceBundle"),
	},
	"AWS::ElasticBeanstalk::Environment": {
		[]string{
			"elasticbeanstalk:AddTags", "elasticbeanstalk:CreateEnvironment",
			"elasticbeanstalk:DescribeConfigurationOptions", "elasticbeanstalk:DescribeConfigurationSettings",
			"elasticbeanstalk:DescribeEnvironmentResources", "elasticbeanstalk:DescribeEnvironments",
			"elasticbeanstalk:DescribeEvents", "elasticbeanstalk:ListTagsForResource",
			"elasticbeanstalk:RemoveTags", "elasticbeanstalk:TerminateEnvironment",
			"elasticbeanstalk:UpdateEnvironment", "elasticbeanstalk:UpdateTagsForResource",
			"elasticbeanstalk:ValidateConfigurationSettings",
		},
		beanstalkResources,
		plain(
			"ApplicationName", "Description", "EnvironmentName", "OptionSettings", "PlatformArn", "SolutionStackName",
			"VersionLabel",
		),
	},
	"AWS::ElasticLoadBalancingV2::Listener": {
		[]string{
			"elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener",
			"elasticloadbalancing:DeleteListener", "elasticloadbalancing:DescribeListenerAttributes",
			"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:ModifyListener",
			"elasticloadbalancing:ModifyListenerAttributes",
		},
		[]string{
			balancingARN + "listener/app/*",
		}, plain("Certificates", "DefaultActions", "LoadBalancerArn", "Port", "Protocol", "SslPolicy"),
	},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {
		[]string{
			"ec2:DescribeInternetGateways", "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateLoadBalancer",
			"elasticloadbalancing:DeleteLoadBalancer",
			"elasticloadbalancing:DescribeCapacityReservation",
			"elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancers",
			"elasticloadbalancing:DescribeTags", "elasticloadbalancing:RemoveTags",
			"elasticloadbalancing:SetSubnets",
		},
		[]string{balancingARN + "loadbalancer/app/*"}, with(with(plain("Scheme", "Subnets", "Tags", "Type"),
			"LoadBalancerAttributes", "elasticloadbalancing:ModifyLoadBalancerAttributes"), "SecurityGroups",
			"elasticloadbalancing:SetSecurityGroups"),
	},
	"AWS::IAM::InstanceProfile": {
		[]string{
			"iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile",
			"iam:GetInstanceProfile", "iam:RemoveRoleFromInstanceProfile",
		},
		[]string{"arn:aws:iam::ACCOUNT:instance-profile/PROJECT-application-*"}, plain("Roles"),
	},
	"AWS::IAM::Role": {
		[]string{
			"iam:CreateRole", "iam:DeleteRole", "iam:GetRole", "iam:ListAttachedRolePolicies",
			"iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:UpdateRole", "iam:UpdateRoleDescription",
		},
		[]string{"arn:aws:iam::ACCOUNT:role/PROJECT-application-*"},
		map[string][]string{
			"AssumeRolePolicyDocument": {"iam:UpdateAssumeRolePolicy"},
			// AttachRolePolicy and DetachRolePolicy, for these policies only: a separate statement.
			"ManagedPolicyArns": nil,
			"Policies":          {"iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:PutRolePolicy"},
			"Tags":              {"iam:ListRoleTags", "iam:TagRole", "iam:UntagRole"},
		},
	},
	"AWS::RDS::DBInstance": {
		[]string{
			"rds:AddTagsToResource", "rds:CreateDBInstance", "rds:CreateDBSnapshot", "rds:DeleteDBInstance",
			"rds:DescribeDBEngineVersions", "rds:DescribeDBInstanceAutomatedBackups",
			"rds:DescribeDBInstances", "rds:DescribeDBParameterGroups", "rds:DescribeDBSnapshots", "rds:DescribeEvents",
			"rds:ListTagsForResource", "rds:ModifyDBInstance", "rds:RebootDBInstance",
			"rds:RemoveTagsFromResource",
		},
		[]string{
			"arn:aws:rds:REGION:ACCOUNT:db:PROJECT-*", "arn:aws:rds:REGION:ACCOUNT:og:default*",
			"arn:aws:rds:REGION:ACCOUNT:pg:default*", "arn:aws:rds:REGION:ACCOUNT:snapshot:PROJECT-*",
			"arn:aws:rds:REGION:ACCOUNT:subgrp:PROJECT-*",
		},
		with(
			plain(
				"AllocatedStorage",
				"AllowMajorVersionUpgrade",
				"AutoMinorVersionUpgrade",
				"BackupRetentionPeriod",
				"CopyTagsToSnapshot",
				"DBInstanceClass",
				"DBName",
				"DBSubnetGroupName",
				"DeleteAutomatedBackups",
				"DeletionProtection",
				"Engine",
				"EngineLifecycleSupport",
				"EngineVersion",
				"MasterUserPassword",
				"MasterUsername",
				"MultiAZ",
				"PubliclyAccessible",
				"StorageEncrypted",
				"StorageType",
				"Tags",
				"VPCSecurityGroups",
			),
			"DBSnapshotIdentifier",
			"rds:RestoreDBInstanceFromDBSnapshot",
		),
	},
	"AWS::RDS::DBSubnetGroup": {
		[]string{
			"rds:AddTagsToResource", "rds:CreateDBSubnetGroup", "rds:DeleteDBSubnetGroup", "rds:DescribeDBSubnetGroups",
			"rds:ListTagsForResource", "rds:ModifyDBSubnetGroup",
			"rds:RemoveTagsFromResource",
		},
		[]string{"arn:aws:rds:REGION:ACCOUNT:subgrp:PROJECT-*"}, plain("DBSubnetGroupDescription", "SubnetIds", "Tags"),
	},
	"AWS::Route53::RecordSet": {
		[]string{"route53:ChangeResourceRecordSets", "route53:GetHostedZone", "route53:ListResourceRecordSets"},
		[]string{"arn:aws:route53:::hostedzone/ZONE"},
		plain("AliasTarget", "HostedZoneId", "Name", "ResourceRecords", "TTL", "Type"),
	},
	"AWS::S3::Bucket": {
		[]string{"s3:CreateBucket", "s3:DeleteBucket", "s3:ListBucket"},
		[]string{"arn:aws:s3:::PROJECT-*"},
		map[string][]string{
			"AbacStatus": {
				"s3:GetBucketAbac", "s3:ListTagsForResource", "s3:PutBucketAbac", "s3:TagResource", "s3:UntagResource",
			},
			"BucketEncryption":               {"s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"},
			"LifecycleConfiguration":         {"s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"},
			"OwnershipControls":              {"s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls"},
			"PublicAccessBlockConfiguration": {"s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
			"Tags":                           {"s3:GetBucketTagging", "s3:PutBucketTagging"},
			"VersioningConfiguration":        {"s3:GetBucketVersioning", "s3:PutBucketVersioning"},
		},
	},
	"AWS::S3::BucketPolicy": {
		[]string{"s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"},
		[]string{"arn:aws:s3:::PROJECT-*"}, plain("Bucket", "PolicyDocument"),
	},
	"AWS::SecretsManager::Secret": {
		[]string{
			"secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret",
			"secretsmanager:GetSecretValue", "secretsmanager:TagResource",
			"secretsmanager:UntagResource", "secretsmanager:UpdateSecret",
		},
		secretResources, plain("Description", "GenerateSecretString", "Tags"),
	},
	"AWS::SecretsManager::SecretTargetAttachment": {
		[]string{
			"rds:DescribeDBClusters",
			"rds:DescribeDBInstances",
			"secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue",
		}, secretResources, plain("SecretId", "TargetId", "TargetType"),
	},
}

// secretResources are the secrets of the templates: CloudFormation names them by their logical ids
// and not by the stack.
var secretResources = []string{
	"arn:aws:secretsmanager:REGION:ACCOUNT:secret:DatabaseSecret*",
	"arn:aws:secretsmanager:REGION:ACCOUNT:secret:SharedDatabase*",
}

// region bounds actions on every resource to the region of the policy.
var region = map[string]map[string]any{"StringEquals": {"aws:RequestedRegion": "REGION"}}

// beanstalkStacks are the stacks that Elastic Beanstalk makes for its environments.
var beanstalkStacks = []string{
	"arn:aws:cloudformation:REGION:ACCOUNT:stack/awseb-*", "arn:aws:cloudformation:REGION:ACCOUNT:stack/eb-*",
}

// readsOfBeanstalk are the reads that Elastic Beanstalk makes with the rights of the role that
// creates an environment.
var readsOfBeanstalk = []string{
	"acm:Describe*", "acm:List*", "autoscaling:Describe*", "cloudformation:Describe*",
	"cloudformation:EstimateTemplateCost", "cloudformation:Get*", "cloudformation:List*",
	"cloudformation:ValidateTemplate", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics",
	"cloudwatch:ListMetrics", "cloudwatch:ListTagsForResource", "ec2:Describe*",
	"elasticloadbalancing:Describe*", "iam:ListInstanceProfiles", "iam:ListRoles", "iam:ListServerCertificates",
	"logs:Describe*", "rds:Describe*", "s3:ListAllMyBuckets",
	"sns:ListSubscriptionsByTopic", "sns:ListTopics",
}

// ofTheProject holds for resources with the project's tag.
func ofTheProject(key string) map[string]map[string]any {
	return map[string]map[string]any{"StringEquals": {key + "/perch:project": "PROJECT"}}
}

// ofAStack holds for what a stack of Elastic Beanstalk created.
var ofAStack = map[string]map[string]any{"StringLike": {"ec2:ResourceTag/aws:cloudformation:stack-id": []string{
	"arn:aws:cloudformation:REGION:ACCOUNT:stack/awseb-e-*", "arn:aws:cloudformation:REGION:ACCOUNT:stack/eb-*",
}}}

// changesOfGroups are what changes a security group that exists.
var changesOfGroups = []string{
	"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags",
	"ec2:DeleteSecurityGroup",
	"ec2:DeleteTags", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
}

const ec2ARN, securityGroups = "arn:aws:ec2:REGION:ACCOUNT:", "arn:aws:ec2:REGION:ACCOUNT:security-group/*"

// closer take actions of the types out of the types' statements, because AWS knows a closer bound
// than the resource. CloudFormation makes up the names of load balancers and security groups, and
// sets the stack's tags as it creates them (tagOnCreate in the registry's schemas). Listeners have
// no such tags.
var closer = []statement{
	{
		Sid:       "CertificatesAreRequested",
		Action:    []string{"acm:RequestCertificate"},
		Resource:  []string{"*"},
		Condition: region,
	},
	{
		Sid: "SecurityGroupsAreCreated", Action: []string{"ec2:CreateSecurityGroup"},
		Resource: []string{securityGroups, ec2ARN + "vpc/*"},
	},
	{
		Sid: "SecurityGroupsOfTheProject", Action: changesOfGroups, Resource: []string{securityGroups},
		Condition: ofTheProject("aws:ResourceTag"),
	},
	{
		Sid: "LoadBalancersAreCreated", Action: []string{"elasticloadbalancing:CreateLoadBalancer"},
		Resource: []string{balancingARN + "loadbalancer/app/*"}, Condition: ofTheProject("aws:RequestTag"),
	},
	{
		Sid: "LoadBalancersAreTagged", Action: []string{"elasticloadbalancing:AddTags"},
		Resource: []string{balancingARN + "listener/app/*", balancingARN + "loadbalancer/app/*"},
		Condition: map[string]map[string]any{"StringEquals": {"elasticloadbalancing:CreateAction": []string{
			"CreateListener", "CreateLoadBalancer",
		}}},
	},
	{
		Sid: "LoadBalancersOfTheProject", Resource: []string{balancingARN + "loadbalancer/app/*"},
		Condition: ofTheProject("aws:ResourceTag"),
		Action: []string{
			"elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener",
			"elasticloadbalancing:DeleteLoadBalancer",
			"elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:RemoveTags",
			"elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
		},
	},
}

// aroundBeanstalk are the statements that no single type says: rights that have no resource, and
// what Elastic Beanstalk does with the rights of the role that creates an environment. AWS has no
// list of those, but two managed policies that cover them: see deploy/iam/testdata.
var aroundBeanstalk = []statement{
	{Sid: "PasswordsAreMadeUp", Action: []string{"secretsmanager:GetRandomPassword"}, Resource: []string{"*"}},
	{Sid: "ChangesOfRecords", Action: []string{"route53:GetChange"}, Resource: []string{"arn:aws:route53:::change/*"}},
	{
		Sid: "PoliciesOfElasticBeanstalkOnly", Action: []string{"iam:AttachRolePolicy", "iam:DetachRolePolicy"},
		Resource: []string{"arn:aws:iam::ACCOUNT:role/PROJECT-application-*"},
		Condition: map[string]map[string]any{"ArnEquals": {"iam:PolicyARN": []string{
			"arn:aws:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
			"arn:aws:iam::aws:policy/service-role/AWSElasticBeanstalkEnhancedHealth",
		}}},
	},
	{
		Sid: "RolesOfTheProjectOnly", Action: []string{"iam:PassRole"},
		Resource: []string{"arn:aws:iam::ACCOUNT:role/PROJECT-application-*"},
		Condition: map[string]map[string]any{
			"StringEquals": {"iam:PassedToService": []string{"ec2.amazonaws.com", "elasticbeanstalk.amazonaws.com"}},
		},
	},
	{
		Sid: "RolesThatAWSMakesForItself", Action: []string{"iam:CreateServiceLinkedRole"},
		Resource: []string{"arn:aws:iam::ACCOUNT:role/aws-service-role/*"},
		Condition: map[string]map[string]any{"StringEquals": {"iam:AWSServiceName": []string{
			"autoscaling.amazonaws.com", "elasticbeanstalk.amazonaws.com", "elasticloadbalancing.amazonaws.com",
			"maintenance.elasticbeanstalk.amazonaws.com", "rds.amazonaws.com",
		}}},
	},
	{Sid: "ReadsOfElasticBeanstalk", Resource: []string{"*"}, Action: readsOfBeanstalk},
	{
		Sid:      "CallsWithoutAResource",
		Resource: []string{"*"},
		Action:   []string{"elasticbeanstalk:CreateStorageLocation", "sns:Unsubscribe"},
	},
	{
		Sid: "BucketOfElasticBeanstalk", Resource: []string{"arn:aws:s3:::elasticbeanstalk-REGION-ACCOUNT"},
		Action: []string{
			"s3:CreateBucket", "s3:GetBucket*", "s3:ListBucket", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
			"s3:PutBucketPublicAccessBlock",
			"s3:PutEncryptionConfiguration",
		},
	},
	{
		Sid: "ObjectsOfElasticBeanstalk", Resource: []string{"arn:aws:s3:::elasticbeanstalk-REGION-ACCOUNT/*"},
		Action: []string{
			"s3:DeleteObject", "s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectVersion", "s3:GetObjectVersionAcl",
			"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl",
		},
	},
	{
		Sid: "SourceBundles", Resource: []string{"arn:aws:s3:::PROJECT-application-*/bundles/*"},
		Action: []string{"s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectVersion", "s3:GetObjectVersionAcl"},
	},
	{
		Sid:      "LogsOfElasticBeanstalk",
		Resource: []string{"arn:aws:logs:REGION:ACCOUNT:log-group:/aws/elasticbeanstalk/PROJECT-*"},
		Action:   []string{"logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy"},
	},
	{
		Sid:      "TopicsOfElasticBeanstalk",
		Resource: []string{"arn:aws:sns:REGION:ACCOUNT:ElasticBeanstalkNotifications-*"},
		Action: []string{
			"sns:CreateTopic",
			"sns:DeleteTopic",
			"sns:GetTopicAttributes",
			"sns:SetTopicAttributes",
			"sns:Subscribe",
		},
	},
	{
		Sid:      "SnapshotsToRestore",
		Action:   []string{"rds:RestoreDBInstanceFromDBSnapshot"},
		Resource: []string{"arn:aws:rds:REGION:*:snapshot:*"},
	},
}

// instancesOfBeanstalk are the rights to what Elastic Beanstalk makes in its stacks. AWS's own
// policies bound them by the same names; Elastic IP addresses and launch templates have no names to
// bound them by.
var instancesOfBeanstalk = []statement{
	{
		Sid: "StacksOfElasticBeanstalk", Resource: beanstalkStacks,
		Action: []string{
			"cloudformation:CancelUpdateStack", "cloudformation:ContinueUpdateRollback", "cloudformation:CreateStack",
			"cloudformation:DeleteStack", "cloudformation:SignalResource",
			"cloudformation:TagResource", "cloudformation:UntagResource", "cloudformation:UpdateStack",
		},
	},
	{
		Sid: "GroupsOfElasticBeanstalk", Action: []string{"autoscaling:*"}, Resource: []string{
			"arn:aws:autoscaling:REGION:ACCOUNT:autoScalingGroup:*:autoScalingGroupName/awseb-e-*",
			"arn:aws:autoscaling:REGION:ACCOUNT:autoScalingGroup:*:autoScalingGroupName/eb-*",
			"arn:aws:autoscaling:REGION:ACCOUNT:launchConfiguration:*:launchConfigurationName/awseb-e-*",
			"arn:aws:autoscaling:REGION:ACCOUNT:launchConfiguration:*:launchConfigurationName/eb-*",
		},
	},
	{
		Sid: "AlarmsOfElasticBeanstalk",
		Resource: []string{
			"arn:aws:cloudwatch:REGION:ACCOUNT:alarm:awseb-*", "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:eb-*",
		},
		Action: []string{
			"cloudwatch:DeleteAlarms",
			"cloudwatch:PutMetricAlarm",
			"cloudwatch:TagResource",
			"cloudwatch:UntagResource",
		},
	},
	{
		Sid: "AddressesAndLaunchTemplates", Resource: []string{"*"}, Condition: region,
		Action: []string{
			"ec2:AllocateAddress", "ec2:AssociateAddress", "ec2:CreateLaunchTemplate",
			"ec2:CreateLaunchTemplateVersion",
			"ec2:DeleteLaunchTemplate", "ec2:DeleteLaunchTemplateVersions",
			"ec2:DisassociateAddress", "ec2:ReleaseAddress",
		},
	},
	{
		Sid: "InstancesByLaunchTemplate", Resource: []string{"*"}, Action: []string{"ec2:RunInstances"},
		Condition: map[string]map[string]any{
			"ArnLike": {"ec2:LaunchTemplate": "arn:aws:ec2:REGION:ACCOUNT:launch-template/*"},
		},
	},
	{
		Sid: "TagsOfNewResources", Action: []string{"ec2:CreateTags"}, Resource: []string{ec2ARN + "*/*"},
		Condition: map[string]map[string]any{"StringEquals": {"ec2:CreateAction": []string{
			"AllocateAddress", "CreateLaunchTemplate", "CreateSecurityGroup", "RunInstances",
		}}},
	},
	{
		Sid: "InstancesOfElasticBeanstalk", Resource: []string{ec2ARN + "instance/*"}, Condition: ofAStack,
		Action: []string{"ec2:RebootInstances", "ec2:TerminateInstances"},
	},
	{
		Sid: "SecurityGroupsOfElasticBeanstalk", Action: changesOfGroups, Resource: []string{securityGroups},
		Condition: ofAStack,
	},
	{
		Sid: "BalancersOfElasticBeanstalk", Action: []string{"elasticloadbalancing:*"}, Resource: []string{
			balancingARN + "targetgroup/awseb-*", balancingARN + "targetgroup/eb-*",
			balancingARN + "loadbalancer/*/awseb-*/*",
			balancingARN + "loadbalancer/*/eb-*/*",
			balancingARN + "listener/*/awseb-*/*/*", balancingARN + "listener/*/eb-*/*/*",
			balancingARN + "listener-rule/app/awseb-*/*/*/*", balancingARN + "listener-rule/app/eb-*/*/*/*",
		},
	},
	{
		Sid:      "RulesOfTheSharedBalancer",
		Resource: []string{balancingARN + "listener-rule/app/*/*/*/*", balancingARN + "listener/app/*/*/*"},
		Action: []string{
			"elasticloadbalancing:AddTags", "elasticloadbalancing:CreateRule", "elasticloadbalancing:DeleteRule",
			"elasticloadbalancing:ModifyRule", "elasticloadbalancing:RemoveTags",
			"elasticloadbalancing:SetRulePriorities",
		},
	},
}

const balancingARN = "arn:aws:elasticloadbalancing:REGION:ACCOUNT:"
