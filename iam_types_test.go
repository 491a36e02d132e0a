package perch_test

// kind is what CloudFormation must be allowed in order to make, read, change and delete resources of one type. The actions are those of the
// type's handlers in CloudFormation's registry, as far as the templates' properties need them; of types without such handlers, those of the
// calls that make them.
type kind struct {
	actions   []string
	resources []string
	// properties are all that the templates give, with what each needs beside the type's own actions.
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
	beanstalkARN + "application/PROJECT-application-*", beanstalkARN + "applicationversion/PROJECT-application-*", beanstalkARN + "configurationtemplate/PROJECT-application-*",
	beanstalkARN + "environment/PROJECT-application-*", "arn:aws:elasticbeanstalk:REGION::platform/*", "arn:aws:elasticbeanstalk:REGION::solutionstack/*",
}

// kinds are the types of the application's and the environment's template.
var kinds = map[string]kind{
	"AWS::CertificateManager::Certificate": {
		[]string{"acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:DescribeCertificate", "acm:ListTagsForCertificate", "acm:RemoveTagsFromCertificate", "acm:RequestCertificate"},
		[]string{"*"}, plain("DomainName", "DomainValidationOptions", "Tags", "ValidationMethod"),
	},
	"AWS::EC2::SecurityGroup": {
		[]string{
			"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateSecurityGroup", "ec2:CreateTags", "ec2:DeleteSecurityGroup", "ec2:DeleteTags",
			"ec2:DescribeSecurityGroups", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
		},
		[]string{"*"}, plain("GroupDescription", "SecurityGroupIngress", "Tags", "VpcId"),
	},
	"AWS::ElasticBeanstalk::Application": {
		[]string{
			"elasticbeanstalk:AddTags", "elasticbeanstalk:CreateApplication", "elasticbeanstalk:DeleteApplication", "elasticbeanstalk:DescribeApplications", "elasticbeanstalk:UpdateApplication",
		},
		beanstalkResources, with(plain("ApplicationName", "Description"), "ResourceLifecycleConfig", "elasticbeanstalk:UpdateApplicationResourceLifecycle"),
	},
	"AWS::ElasticBeanstalk::ApplicationVersion": {
		[]string{
			"elasticbeanstalk:CreateApplicationVersion", "elasticbeanstalk:DeleteApplicationVersion", "elasticbeanstalk:DescribeApplicationVersions", "elasticbeanstalk:UpdateApplicationVersion",
		},
		beanstalkResources, plain("ApplicationName", "Description", "SourceBundle"),
	},
	"AWS::ElasticBeanstalk::Environment": {
		[]string{
			"elasticbeanstalk:AddTags", "elasticbeanstalk:CreateEnvironment", "elasticbeanstalk:DescribeConfigurationOptions", "elasticbeanstalk:DescribeConfigurationSettings",
			"elasticbeanstalk:DescribeEnvironmentResources", "elasticbeanstalk:DescribeEnvironments", "elasticbeanstalk:DescribeEvents", "elasticbeanstalk:ListTagsForResource",
			"elasticbeanstalk:RemoveTags", "elasticbeanstalk:TerminateEnvironment", "elasticbeanstalk:UpdateEnvironment", "elasticbeanstalk:UpdateTagsForResource",
			"elasticbeanstalk:ValidateConfigurationSettings",
		},
		beanstalkResources, plain("ApplicationName", "Description", "EnvironmentName", "OptionSettings", "SolutionStackName", "VersionLabel"),
	},
	"AWS::ElasticLoadBalancingV2::Listener": {
		[]string{
			"elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener", "elasticloadbalancing:DeleteListener", "elasticloadbalancing:DescribeListenerAttributes",
			"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyListenerAttributes",
		},
		[]string{"*"}, plain("Certificates", "DefaultActions", "LoadBalancerArn", "Port", "Protocol", "SslPolicy"),
	},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {
		[]string{
			"ec2:DescribeInternetGateways", "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:DeleteLoadBalancer",
			"elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags", "elasticloadbalancing:RemoveTags",
			"elasticloadbalancing:SetSubnets",
		},
		[]string{"*"}, with(with(plain("Scheme", "Subnets", "Tags", "Type"),
			"LoadBalancerAttributes", "elasticloadbalancing:ModifyLoadBalancerAttributes"), "SecurityGroups", "elasticloadbalancing:SetSecurityGroups"),
	},
	"AWS::IAM::InstanceProfile": {
		[]string{
			"iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile", "iam:RemoveRoleFromInstanceProfile",
		},
		[]string{"arn:aws:iam::ACCOUNT:instance-profile/PROJECT-application-*"}, plain("Roles"),
	},
	"AWS::IAM::Role": {
		[]string{
			"iam:CreateRole", "iam:DeleteRole", "iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:UpdateRole", "iam:UpdateRoleDescription",
		},
		[]string{"arn:aws:iam::ACCOUNT:role/PROJECT-application-*"},
		map[string][]string{
			"AssumeRolePolicyDocument": {"iam:UpdateAssumeRolePolicy"},
			"ManagedPolicyArns":        nil, // AttachRolePolicy and DetachRolePolicy, for these policies only: a statement of their own.
			"Policies":                 {"iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:PutRolePolicy"},
			"Tags":                     {"iam:ListRoleTags", "iam:TagRole", "iam:UntagRole"},
		},
	},
	"AWS::RDS::DBInstance": {
		[]string{
			"rds:AddTagsToResource", "rds:CreateDBInstance", "rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:DescribeDBEngineVersions", "rds:DescribeDBInstanceAutomatedBackups",
			"rds:DescribeDBInstances", "rds:DescribeDBParameterGroups", "rds:DescribeDBSnapshots", "rds:DescribeEvents", "rds:ListTagsForResource", "rds:ModifyDBInstance", "rds:RebootDBInstance",
			"rds:RemoveTagsFromResource",
		},
		[]string{
			"arn:aws:rds:REGION:ACCOUNT:db:*", "arn:aws:rds:REGION:ACCOUNT:og:default*", "arn:aws:rds:REGION:ACCOUNT:pg:default*", "arn:aws:rds:REGION:ACCOUNT:snapshot:PROJECT-*",
			"arn:aws:rds:REGION:ACCOUNT:subgrp:PROJECT-*",
		},
		with(plain("AllocatedStorage", "AutoMinorVersionUpgrade", "BackupRetentionPeriod", "CopyTagsToSnapshot", "DBInstanceClass", "DBName", "DBSubnetGroupName", "DeleteAutomatedBackups",
			"DeletionProtection", "Engine", "EngineVersion", "MasterUserPassword", "MasterUsername", "MultiAZ", "PubliclyAccessible", "StorageEncrypted", "StorageType", "Tags", "VPCSecurityGroups"),
			"DBSnapshotIdentifier", "rds:RestoreDBInstanceFromDBSnapshot"),
	},
	"AWS::RDS::DBSubnetGroup": {
		[]string{
			"rds:AddTagsToResource", "rds:CreateDBSubnetGroup", "rds:DeleteDBSubnetGroup", "rds:DescribeDBSubnetGroups", "rds:ListTagsForResource", "rds:ModifyDBSubnetGroup",
			"rds:RemoveTagsFromResource",
		},
		[]string{"arn:aws:rds:REGION:ACCOUNT:subgrp:PROJECT-*"}, plain("DBSubnetGroupDescription", "SubnetIds", "Tags"),
	},
	"AWS::Route53::RecordSet": {
		[]string{"route53:ChangeResourceRecordSets", "route53:GetHostedZone", "route53:ListResourceRecordSets"},
		[]string{"arn:aws:route53:::hostedzone/ZONE"}, plain("AliasTarget", "HostedZoneId", "Name", "ResourceRecords", "TTL", "Type"),
	},
	"AWS::S3::Bucket": {
		[]string{"s3:CreateBucket", "s3:DeleteBucket", "s3:ListBucket"},
		[]string{"arn:aws:s3:::PROJECT-*"},
		map[string][]string{
			"AbacStatus":                     {"s3:GetBucketAbac", "s3:ListTagsForResource", "s3:PutBucketAbac", "s3:TagResource", "s3:UntagResource"},
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
			"secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:TagResource",
			"secretsmanager:UntagResource", "secretsmanager:UpdateSecret",
		},
		secretResources, plain("Description", "GenerateSecretString", "Tags"),
	},
	"AWS::SecretsManager::SecretTargetAttachment": {
		[]string{"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"}, secretResources, plain("SecretId", "TargetId", "TargetType"),
	},
}

// secretResources are the secrets of the templates: CloudFormation names them by their logical ids and not by the stack.
var secretResources = []string{"arn:aws:secretsmanager:REGION:ACCOUNT:secret:DatabaseSecret*", "arn:aws:secretsmanager:REGION:ACCOUNT:secret:SharedDatabase*"}

// around are the statements that no single type says: what Elastic Beanstalk does in the name of whoever makes an environment (AWS docs: Managing
// Elastic Beanstalk user policies), and rights that have no resource.
var around = []statement{
	{Sid: "PasswordsAreMadeUp", Action: []string{"secretsmanager:GetRandomPassword"}, Resource: []string{"*"}},
	{Sid: "ChangesOfRecords", Action: []string{"route53:GetChange"}, Resource: []string{"arn:aws:route53:::change/*"}},
	{
		Sid: "PoliciesOfElasticBeanstalkOnly", Action: []string{"iam:AttachRolePolicy", "iam:DetachRolePolicy"}, Resource: []string{"arn:aws:iam::ACCOUNT:role/PROJECT-application-*"},
		Condition: map[string]map[string]any{"ArnEquals": {"iam:PolicyARN": []string{
			"arn:aws:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy", "arn:aws:iam::aws:policy/service-role/AWSElasticBeanstalkEnhancedHealth",
		}}},
	},
	{
		Sid: "RolesOfTheProjectOnly", Action: []string{"iam:PassRole"}, Resource: []string{"arn:aws:iam::ACCOUNT:role/PROJECT-application-*"},
		Condition: map[string]map[string]any{"StringEquals": {"iam:PassedToService": []string{"ec2.amazonaws.com", "elasticbeanstalk.amazonaws.com"}}},
	},
	{
		Sid: "RolesThatAWSMakesForItself", Action: []string{"iam:CreateServiceLinkedRole"}, Resource: []string{"arn:aws:iam::ACCOUNT:role/aws-service-role/*"},
		Condition: map[string]map[string]any{"StringEquals": {"iam:AWSServiceName": []string{
			"autoscaling.amazonaws.com", "elasticbeanstalk.amazonaws.com", "elasticloadbalancing.amazonaws.com", "rds.amazonaws.com",
		}}},
	},
	{
		Sid: "StacksOfElasticBeanstalk", Resource: []string{"arn:aws:cloudformation:REGION:ACCOUNT:stack/awseb-*/*"},
		Action: []string{
			"cloudformation:CancelUpdateStack", "cloudformation:CreateStack", "cloudformation:DeleteStack", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResource",
			"cloudformation:DescribeStackResources", "cloudformation:DescribeStacks", "cloudformation:GetTemplate", "cloudformation:ListStackResources", "cloudformation:TagResource",
			"cloudformation:UpdateStack",
		},
	},
	{
		Sid: "InstancesOfElasticBeanstalk", Resource: []string{"*"}, Condition: map[string]map[string]any{"StringEquals": {"aws:RequestedRegion": "REGION"}},
		Action: []string{
			"autoscaling:AttachLoadBalancerTargetGroups", "autoscaling:CreateAutoScalingGroup", "autoscaling:CreateOrUpdateTags", "autoscaling:DeleteAutoScalingGroup", "autoscaling:DeletePolicy",
			"autoscaling:DeleteTags", "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribePolicies", "autoscaling:DescribeScalingActivities",
			"autoscaling:DescribeTags", "autoscaling:DetachLoadBalancerTargetGroups", "autoscaling:PutScalingPolicy", "autoscaling:ResumeProcesses", "autoscaling:SetDesiredCapacity",
			"autoscaling:SuspendProcesses", "autoscaling:TerminateInstanceInAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup",
			"cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
			"ec2:AllocateAddress", "ec2:AssociateAddress", "ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "ec2:DeleteLaunchTemplate", "ec2:DeleteLaunchTemplateVersions",
			"ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeAvailabilityZones", "ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeInstances",
			"ec2:DescribeKeyPairs", "ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcs",
			"ec2:DisassociateAddress", "ec2:ReleaseAddress", "ec2:RunInstances",
			"elasticloadbalancing:CreateRule", "elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:DeleteRule", "elasticloadbalancing:DeleteTargetGroup",
			"elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeSSLPolicies", "elasticloadbalancing:DescribeTargetGroupAttributes",
			"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:ModifyRule", "elasticloadbalancing:ModifyTargetGroup",
			"elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RegisterTargets", "elasticloadbalancing:SetRulePriorities",
		},
	},
	{
		Sid: "LogsOfElasticBeanstalk", Resource: []string{"arn:aws:logs:REGION:ACCOUNT:log-group:/aws/elasticbeanstalk/PROJECT-*"},
		Action: []string{"logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DescribeLogGroups", "logs:PutRetentionPolicy"},
	},
	{
		Sid: "BucketOfElasticBeanstalk", Resource: []string{"arn:aws:s3:::elasticbeanstalk-REGION-ACCOUNT", "arn:aws:s3:::elasticbeanstalk-REGION-ACCOUNT/*"},
		Action: []string{
			"s3:CreateBucket", "s3:GetBucketLocation", "s3:GetBucketPolicy", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
			"s3:PutBucketPublicAccessBlock", "s3:PutObject",
		},
	},
	{Sid: "SourceBundles", Action: []string{"s3:GetObject"}, Resource: []string{"arn:aws:s3:::PROJECT-application-*/bundles/*"}},
	{Sid: "SnapshotsToRestore", Action: []string{"rds:RestoreDBInstanceFromDBSnapshot"}, Resource: []string{"arn:aws:rds:REGION:*:snapshot:*"}},
}
